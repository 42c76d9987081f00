"""The parts of a unified diff, for whoever shows it or turns it round."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

_HUNK = re.compile(r"@@ -(\d+(?:,\d+)?) \+(\d+(?:,\d+)?) @@(.*)")


class Hunk(NamedTuple):
    """`@@ -OLD +NEW @@REST`, each as it stands there; `line` is all of it."""

    old: str
    new: str
    rest: str
    line: str


class Changed(NamedTuple):
    """Lines that go and lines that come, without their signs; one of both may be empty."""

    removed: tuple[str, ...]
    added: tuple[str, ...]


def parts(diff: str) -> Iterator[Hunk | Changed | str]:
    """Hunks, changes, and every other line as it stands: headings, what stays, remarks."""
    removed: list[str] = []
    added: list[str] = []
    in_hunk = False
    # Only these end a line here: a value may hold a form feed or U+2028.
    for line in diff.removesuffix("\n").split("\n"):
        hunk = _HUNK.match(line)
        sign = line[:1] if in_hunk and hunk is None else ""
        if (removed or added) and sign != "+" and (sign != "-" or added):
            yield Changed(tuple(removed), tuple(added))
            removed.clear()
            added.clear()
        if hunk is not None:
            in_hunk = True
            yield Hunk(hunk[1], hunk[2], hunk[3], line)
        elif sign == "-":
            removed.append(line[1:])
        elif sign == "+":
            added.append(line[1:])
        else:
            yield line
    if removed or added:
        yield Changed(tuple(removed), tuple(added))
