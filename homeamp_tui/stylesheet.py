"""Styles that are parsed once.

Textual parses the CSS of the app and of every widget as an app starts, and all of it twice more as
a screen is shown for the first time, though it is the same text under the same theme.
"""

from __future__ import annotations

from typing import Any

from textual.cache import LRUCache
from textual.css.model import RuleSet
from textual.css.stylesheet import Stylesheet

TEXTS_KEPT = 512
"""There are about fifty a theme."""


class KeptStylesheet(Stylesheet):
    """As textual's, but what the same text means under the same variables is kept."""

    _kept: LRUCache[tuple[Any, ...], list[RuleSet]] = LRUCache(TEXTS_KEPT)
    _variables_of_key: dict[str, str] | None = None
    _key: tuple[tuple[str, str], ...] = ()

    def reparse(self) -> None:
        # Textual parses in a new stylesheet, with nothing kept. Ours forgets nothing wrong: another
        # theme has other variables, and rules that fail to parse replace none.
        self.parse()

    def _parse_rules(self, css: str, *args: Any, **kwargs: Any) -> list[RuleSet]:
        if self._variables_of_key is not self._variables:
            self._variables_of_key, self._key = self._variables, tuple(self._variables.items())
        key = (self._key, css, *args, *kwargs.items())
        rules = self._kept.get(key)
        if rules is None:
            rules = self._kept[key] = super()._parse_rules(css, *args, **kwargs)
        return rules
