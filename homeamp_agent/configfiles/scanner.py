"""What the scanners of the formats with a tree have in common: their bounds, and how they fail."""

from __future__ import annotations

from homeamp_agent.configfiles.document import Limits
from homeamp_agent.configfiles.errors import ConfigFileError, TooLargeError
from homeamp_agent.configfiles.text import SourceText


class Scanner:
    """One pass over one file."""

    def __init__(self, source: SourceText, limits: Limits) -> None:
        self._source = source
        self._text = source.text
        self._limits = limits
        self._left = limits.max_settings

    def _count(self, index: int, weight: int = 1, remark: str = "") -> None:
        """One more setting, or what costs as much as `weight` of them."""
        self._left -= weight
        if self._left < 0:
            reason = f"more than {self._limits.max_settings:,} settings{remark}"
            raise self._too_large(index, reason)

    def _check_depth(self, depth: int, index: int) -> None:
        if depth >= self._limits.max_depth:
            reason = f"nested deeper than {self._limits.max_depth} levels"
            raise self._too_large(index, reason)

    def _error(self, index: int, reason: str) -> ConfigFileError:
        if index >= len(self._text):
            reason += ", but the file ends"
        return ConfigFileError(self._source.file, reason, *self._source.place(index))

    def _too_large(self, index: int, reason: str) -> TooLargeError:
        return TooLargeError(self._source.file, reason, *self._source.place(index))
