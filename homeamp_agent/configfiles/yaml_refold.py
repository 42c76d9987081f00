"""New text for a scalar that is folded over several lines, with only the lines that differ changed.

Writing such a value anew on one line is right, but touches every line of it. Words at the beginning
and the end that stay are left as they are written; the proof tells whether the result reads back.
"""

from __future__ import annotations

import re
from typing import Final

from homeamp_agent.configfiles.text import Splice
from homeamp_agent.configfiles.yaml_nodes import ScalarNode
from homeamp_agent.configfiles.yaml_write import scalar_texts

_WORD: Final = re.compile(r"\S+")
_HEADER: Final = re.compile(r"[|>][^\r\n]*")


def refolded(source: str, node: ScalarNode, new: str) -> Splice | None:
    """The splice that changes only the words that differ, or None where that is not possible.

    `source` is the whole text that `node` is a scalar of, written over several lines.
    """
    start, end = _content(source, node)
    raw = [match.span() for match in _WORD.finditer(source, start, end)]
    old_words = node.text.split()
    words = [match.span() for match in _WORD.finditer(new)]
    new_words = new.split()
    if len(raw) != len(old_words) or not new_words or not old_words or "\n" in new.rstrip("\n"):
        return None
    shorter = min(len(old_words), len(new_words)) - 1
    head = tail = 0
    while head < shorter and old_words[head] == new_words[head]:
        head += 1
    while tail < shorter - head and old_words[-1 - tail] == new_words[-1 - tail]:
        tail += 1
    if not head and not tail:
        return None
    middle = new[words[head][0] : words[len(words) - tail - 1][1]]
    written = _within(node.mark, middle)
    if written is None:
        return None
    return Splice(raw[head][0], raw[len(raw) - tail - 1][1], written)


def _content(source: str, node: ScalarNode) -> tuple[int, int]:
    """Where the words stand: without quotes, and behind a block's header."""
    if node.mark in ("'", '"'):
        return node.start + 1, node.end - 1
    header = _HEADER.match(source, node.start) if node.mark else None
    return (header.end() if header else node.start), node.end


def _within(mark: str, text: str) -> str | None:
    """`text` as it stands between the quotes of a scalar, without them."""
    if mark not in ("'", '"'):
        return text
    written = scalar_texts(text, mark, mark, flow=False)[0]
    return written[1:-1] if written.startswith(mark) else None
