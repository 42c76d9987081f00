"""AMP's .kvp files and `AMPConfig.conf` as documents: `Key=Value`, one a line.

The first `=` ends the key; everything behind it is the value, spaces and further `=` included, as
AMP writes it. Lines that start with `#` are comments.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from homeamp_agent.configfiles.document import Problem
from homeamp_agent.configfiles.errors import EditRefused
from homeamp_agent.configfiles.line_document import LineDocument
from homeamp_agent.configfiles.tree import Branch, Leaf

_LINE = re.compile(r"[ \t]*+(?:#[^\r\n]*+|([^=\r\n]++)=([^\r\n]*+)|([^\r\n]*+))(?:\r\n|\r|\n|\Z)")


class KvpDocument(LineDocument):
    """AMP's flat settings; a key path is one segment, dots and all."""

    format = "kvp"

    def _scan(self) -> tuple[Branch, Iterable[Problem]]:
        root = Branch(0, 0, 0, 0)
        problems: list[Problem] = []
        source, text = self.source, self.source.text
        pos = count = 0
        stray = -1
        while pos < len(text):
            found = _LINE.match(text, pos)
            assert found is not None  # noqa: S101  (the pattern matches any line)
            pos = found.end()
            if found.lastindex != 2:
                stray = found.start() if found[3] and stray < 0 else stray
                continue
            key = found[1].rstrip(" \t")
            at, (start, end) = found.start(1), found.span(2)
            leaf = Leaf(source, found[2], "plain", at, at + len(key), start, end)
            problem = self._add(root, key, leaf)
            problems += [problem] if problem else []
            count += 1
            self._refuse_too_many(count, at)
        if stray >= 0 and not root.members:
            raise self._error(stray, "no Key=Value line in the whole file")
        return root, problems

    def _written(self, text: str, old: Leaf | None, separator: str) -> str:  # noqa: ARG002
        if "\n" in text or "\r" in text:
            raise EditRefused("a value of this format cannot hold a line break")
        return text

    def _key_written(self, key: str) -> str:
        if not key or key != key.strip(" \t") or key.startswith("#") or re.search(r"[=\r\n]", key):
            raise EditRefused("a key of this format cannot be empty or hold = or a line break")
        return key
