"""New text for a scalar that is folded over several lines, with only the lines that differ changed.

Writing such a value anew on one line is right, but touches every line of it. Words at the beginning
and the end that stay are left as they are written; the proof tells whether the result reads back.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from homeamp_agent.configfiles.common_ends import common_ends
from homeamp_agent.configfiles.escapes import PAIR, of_pair
from homeamp_agent.configfiles.text import LINE_END, SourceText, Splice
from homeamp_agent.configfiles.yaml_nodes import ScalarNode
from homeamp_agent.configfiles.yaml_write import scalar_texts

_HEADER: Final = re.compile(r"[|>][^\r\n]*(?:\r\n|\n|\r)[ ]*")
_FOLD: Final = r"\\?[ \t]*+(?:(?:\r\n|\n|\r)[ \t]*+)++"
_RUN: Final = r"[ \t]++|[^\s\\']++|[^\r\n]"
"""Blanks and words are taken as a whole: a text of a megabyte has not a million pieces."""

_PIECES: Final = {
    "": re.compile(rf"{_FOLD}|{_RUN}"),
    ">": re.compile(rf"{_FOLD}|{_RUN}"),
    "'": re.compile(rf"{_FOLD}|''|{_RUN}"),
    '"': re.compile(
        rf"{_FOLD}|{PAIR}|\\(?:x[0-9a-fA-F]{{2}}|u[0-9a-fA-F]{{4}}|U[0-9a-fA-F]{{8}}|.)|{_RUN}"
    ),
}

_IS_PAIR: Final = re.compile(PAIR)

_ESCAPED: Final = dict(
    zip("0abtnvfre_NLP", "\0\a\b\t\n\v\f\r\x1b\xa0\x85\u2028\u2029", strict=True)
)


class _Piece(NamedTuple):
    """One piece of a scalar as written, what it means, and whether a line ends in it."""

    written: str
    means: str
    folds: bool


def refolded(source: str, node: ScalarNode, new: str) -> Splice | None:
    """The splice that changes only the words that differ, or None where that is not possible.

    `source` is the whole text that `node` is a scalar of, written over several lines.
    """
    start, end = _content(source, node)
    pieces = _pieces(source[start:end], node.mark)
    old = node.text
    if node.mark == ">":
        old, ends = old.rstrip("\n"), len(old) - len(old.rstrip("\n"))
        if ends != len(new) - len(new.rstrip("\n")):
            return None
        new = new.rstrip("\n")
    if "".join(piece.means for piece in pieces) != old:
        return None
    head, tail, begins, ends = _shared(pieces, new)
    if not head and not tail:
        return None
    fold = next((piece.written for piece in pieces if piece.folds), "")
    middle = _within(node.mark, new[begins:ends], fold)
    if middle is None:
        return None
    start += sum(len(piece.written) for piece in pieces[:head])
    end -= sum(len(piece.written) for piece in pieces[len(pieces) - tail :])
    return Splice(start, end, middle)


def _pieces(written: str, mark: str) -> list[_Piece]:
    pieces = []
    for match in _PIECES[mark].finditer(written):
        text = match[0]
        breaks = len(LINE_END.findall(text))
        if breaks and not (text[0] == "\\" and mark != '"'):
            joined = "" if text[0] == "\\" else " "
            pieces.append(_Piece(text, "\n" * (breaks - 1) if breaks > 1 else joined, True))
        elif text[0] == "\\" and mark == '"' and len(text) > 1:
            pieces.append(_Piece(text, _unescaped(text), False))
        elif breaks:
            pieces += [_Piece("\\", "\\", False), *_pieces(text[1:], mark)]
        else:
            pieces.append(_Piece(text, "'" if text == "''" else text, False))
    return pieces


def _unescaped(text: str) -> str:
    if len(text) <= 2:
        return _ESCAPED.get(text[1], text[1])
    return of_pair(text) if _IS_PAIR.fullmatch(text) else chr(int(text[2:], 16))


def _shared(pieces: list[_Piece], new: str) -> tuple[int, int, int, int]:
    """How many pieces stay at either end, and which part of `new` lies between them."""
    head, begins = 0, 0
    while head < len(pieces) and new.startswith(pieces[head].means, begins):
        begins += len(pieces[head].means)
        head += 1
    tail, ends = 0, len(new)
    while tail < len(pieces) - head:
        piece = pieces[-1 - tail]
        if piece.folds and piece.means == " " == new[begins - 1 : begins] and begins == ends:
            # Of two blanks, the one at which the line ends stays: the lines stay lines.
            head, begins = head - 1, begins - 1
        if ends - begins < len(piece.means) or not new.endswith(piece.means, begins, ends):
            break
        ends -= len(piece.means)
        tail += 1
    return head, tail, begins, ends


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
    """Where the text stands: without quotes, and behind a block's header and indentation."""
    if node.mark in ("'", '"'):
        return node.start + 1, node.end - 1
    header = _HEADER.match(source, node.start) if node.mark else None
    return (header.end() if header else node.start), node.end


def _within(mark: str, text: str, fold: str) -> str | None:
    """`text` as it stands between the quotes of a scalar, without them.

    `fold` is a line end with its indentation as the scalar has it.
    """
    if mark == '"':
        written = scalar_texts(text, mark, mark, flow=False)[0]
        return written[1:-1] if written.startswith(mark) else None
    found = LINE_END.search(fold)
    newline = found[0] if found else "\n"
    indentation = fold[len(fold.rstrip(" \t")) :]
    text = LINE_END.sub(newline, re.sub(r"\n+", lambda run: run[0] + "\n" + indentation, text))
    return text.replace("'", "''") if mark == "'" else text
