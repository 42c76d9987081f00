"""New text for a scalar that is folded over several lines, with only the lines that differ changed.

Writing such a value anew on one line is right, but touches every line of it. Words at the beginning
and the end that stay are left as they are written; the proof tells whether the result reads back.
"""

from __future__ import annotations

import re
from typing import Final

from homeamp_agent.configfiles.common_ends import common_ends
from homeamp_agent.configfiles.text import SourceText, Splice
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
    head, tail = common_ends(old_words, new_words, min(len(old_words), len(new_words)) - 1)
    if not head and not tail:
        return None
    middle = new[words[head][0] : words[len(words) - tail - 1][1]]
    written = _within(node.mark, middle)
    if written is None:
        return None
    return Splice(raw[head][0], raw[len(raw) - tail - 1][1], written)


def relined(source: SourceText, node: ScalarNode, new: str, column: int) -> Splice | None:
    """The splice that changes only the lines that differ of a literal block, or None.

    Blank lines keep their blanks, and the lines behind the text stay as many. `column` is where
    the content stands.
    """
    old_lines, new_lines = node.text.rstrip("\n").split("\n"), new.rstrip("\n").split("\n")
    same_end = node.text[len("\n".join(old_lines)) :] == new[len("\n".join(new_lines)) :]
    if not same_end or not old_lines[0] or not new_lines[0] or new_lines[0][0] in " \t":
        return None
    head, tail = common_ends(old_lines, new_lines)
    starts = [source.next_line_start(node.start)]
    while len(starts) <= len(old_lines) and starts[-1] < node.end:
        starts.append(source.next_line_start(starts[-1]))
    if len(starts) <= len(old_lines) or head == len(old_lines):
        return None
    start, end = starts[head], source.line_end(starts[len(old_lines) - tail - 1])
    middle = new_lines[head : len(new_lines) - tail]
    if not middle:
        return Splice(start, starts[len(old_lines) - tail], "") if tail else None
    if head == len(old_lines) - tail:
        end = start
    written = source.newline(start).join(" " * column + one if one else "" for one in middle)
    return Splice(start, end, written + (source.newline(start) if end == start else ""))


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
