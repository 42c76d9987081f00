"""Regular expressions that operators write: matched in linear time, whatever they say.

`re` backtracks: `(a+)+$` on thirty letters stalls it for minutes, while it holds the interpreter.
RE2 cannot: it has no look-around and no references back, and refuses what would grow too large.

BadPattern          why a pattern cannot be used, in one sentence
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

LENGTH_MAX = 2_000
"""Characters of a pattern: a page of words to choose from; no pattern of a person is longer."""

PROGRAM_MAX = 10_000
"""RE2 instructions of a pattern: `\\p{L}` takes 1,200, a long list of names a few hundred."""

STEPS_MAX = 50_000_000
"""Instructions × bytes of text: a quarter of a second where RE2 is at its slowest, 5 ns each."""

QUOTED_MAX = 6
"""Characters of the pattern in a message: enough for an escape or a bracket."""

_MEMORY_BYTES = 256 * 1024
"""What RE2 may hold for one pattern, of thousands; with less than it wants it is slower, not wrong.
Room for a program of `PROGRAM_MAX`."""

_PYTHON_ONLY = re.compile(r"\(\?(?:<?[=!]|P=|\()|\\[1-9]")
_END = re.compile(r"\\(.)", re.DOTALL)


class BadPattern(ValueError):
    """A pattern that cannot be used; says why."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A regular expression as its author wrote it; `pattern_of` makes sure that it can be used."""

    text: str

    def found_in(self, text: str) -> bool:
        """Whether it matches anywhere in `text`; never in a text beyond `STEPS_MAX`."""
        return _found(self.text, text)

    def matches(self, text: str) -> bool:
        """Whether it matches the whole of `text`; never a text beyond `STEPS_MAX`."""
        return _matches(self.text, text)


def pattern_of(text: str) -> Pattern:
    """The pattern that `text` writes.

    Raises:
        BadPattern: it is no regular expression, or one that cannot be matched in linear time.
    """
    _compiled(text)
    return Pattern(text)


def any_found(patterns: tuple[str, ...], text: str) -> bool:
    """Whether one of these patterns, all known to be good, matches anywhere in `text`."""
    return any(_found(pattern, text) for pattern in patterns)


@lru_cache(maxsize=65_536)
def _found(pattern: str, text: str) -> bool:
    """Keys mostly, the same on every instance: a look here costs a tenth of a search."""
    compiled = _compiled(pattern)
    said = text.encode("utf-8", "replace")
    return _bearable(compiled, said) and compiled.search(said) is not None


def _matches(pattern: str, text: str) -> bool:
    compiled = _compiled(pattern)
    said = text.encode("utf-8", "replace")
    return _bearable(compiled, said) and compiled.fullmatch(said) is not None


def _bearable(compiled: Any, said: bytes) -> bool:
    return bool(compiled.programsize * len(said) <= STEPS_MAX)


@lru_cache(maxsize=4_096)
def _compiled(text: str) -> Any:
    import re2  # noqa: PLC0415  (a dashboard has no pattern, and starts without it)

    if len(text) > LENGTH_MAX:
        raise BadPattern(f"has {len(text):,} characters; at most {LENGTH_MAX:,}")
    options = re2.Options()
    options.log_errors = False
    options.never_capture = True
    options.dot_nl = True
    options.max_mem = _MEMORY_BYTES
    try:
        compiled = re2.compile(_in_re2_s_words(text), options)
    except UnicodeEncodeError as error:
        raise BadPattern("holds what is no Unicode text") from error
    except re2.error as error:
        raise BadPattern(_told(text, error)) from error
    if compiled.programsize > PROGRAM_MAX:
        raise BadPattern("stands for too much: repeat less, or less often")
    return compiled


def _in_re2_s_words(text: str) -> str:
    """Python's `\\Z`, the very end, is `\\z` to everybody else."""
    return _END.sub(lambda found: r"\z" if found[1] == "Z" else found[0], text)


def _told(text: str, error: Exception) -> str:
    said = error.args[0] if error.args else error
    reason = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
    unknown = _PYTHON_ONLY.search(text)
    if unknown is not None and reason.startswith(("invalid perl operator", "invalid escape")):
        return (
            f"uses {unknown[0]}: looking around and referring back cannot be matched in linear time"
        )
    if "too large" in reason or reason.startswith("invalid repetition size"):
        return "stands for too much: repeat less, or less often"
    what, _, quoted = reason.partition(": ")
    # What is quoted may be the whole pattern, and a pattern may be a secret.
    return reason if len(quoted) <= QUOTED_MAX else what
