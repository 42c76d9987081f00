"""What of a text stays as it is written when another text takes its place.

A person who changes a word changes that word: the `\\/` or `\\u00a7` at the other end of the text,
and the backslash with which it goes on in the next line, stay as they are, even where the file is
not of one mind about them.
"""

from __future__ import annotations

import re
from typing import Final

from homeamp_agent.configfiles.common_ends import common_ends

PAIR: Final = r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
"""The pattern of a character that is written as the two halves of a surrogate pair."""

_PAIR_LENGTH: Final = len(r"\ud83d\ude00")

_PIECE: Final = re.compile(
    r"(?:\\[ \t]*(?:\r\n|\n|\r)[ \t\f\r\n]*)*"
    rf"(?:{PAIR}|\\(?:u[0-9a-fA-F]{{4}}|x[0-9a-fA-F]{{2}}|U[0-9a-fA-F]{{8}}|.)|[^\\])",
    re.DOTALL,
)
"""One character as written, with the joined line ends in front of it."""

_NAMED: Final = {"n": "\n", "r": "\r", "t": "\t", "f": "\f"}
"""What these letters mean in every format; what others mean differs, so they never match."""

_LINES_JOINED: Final = re.compile(r"\\[ \t]*(?:\r\n|\n|\r)[ \t\f\r\n]*")


def without_lone_surrogates(text: str) -> str:
    """`text` with each half of a surrogate pair, which is no character, as its escape.

    Values travel on, and SQLite, sockets and screens all refuse such halves.
    """
    if text.isascii() or not re.search(r"[\ud800-\udfff]", text):
        return text
    joined = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
    return joined.encode("utf-8", "backslashreplace").decode("utf-8")


def of_pair(piece: str) -> str:
    """The character that a `PAIR` stands for."""
    high, low = int(piece[2:6], 16), int(piece[8:], 16)
    return chr(0x10000 + ((high - 0xD800) << 10) + low - 0xDC00)


def with_kept_ends(old: str, new: str, codes: str = "uxU") -> str:
    """`new`, but beginning and ending as `old` does where both say the same there.

    Both are tokens of one format with backslash escapes, their quotes included. `codes` are the
    letters that a character's number follows in it.
    """
    if "\\" not in old and "\\" not in new:
        return new
    before, after = _PIECE.findall(old), _PIECE.findall(new)
    if "".join(before) != old or "".join(after) != new:
        return new
    meant = [_meant(piece, codes) for piece in before]
    wanted = [_meant(piece, codes) for piece in after]
    head, tail = common_ends(meant, wanted)
    behind = [*after[head : len(after) - tail], *before[len(before) - tail :]]
    if head == len(before) or not behind:
        return "".join((*before[:head], *behind))
    # The line end in front of what changes stays in front of what takes its place.
    joined = _LINES_JOINED.match(before[head])
    if joined is not None:
        behind[0] = _LINES_JOINED.sub("", behind[0])
        # What follows a joined line end takes the blanks in front of it for indentation.
        first = next((at for at, one in enumerate(behind) if one not in (" ", "\t", "\f")), 0)
        if head == len(before) - tail:
            behind[len(after) - tail - head] = _LINES_JOINED.sub("", before[head])
        behind.insert(first, joined[0])
    return "".join((*before[:head], *behind))


def _meant(piece: str, codes: str) -> str:
    """The character that a piece stands for; the piece itself where that is not certain."""
    piece = _LINES_JOINED.sub("", piece)
    if not piece:
        return "joined to nothing"  # a backslash at the end of the last line
    if piece in ("'", '"'):
        return "quotes " + piece  # which may end the token: never the same as an escaped one
    if piece[0] != "\\":
        return piece
    if len(piece) == _PAIR_LENGTH:
        return of_pair(piece)
    if len(piece) > 2:
        code = int(piece[2:], 16)
        return chr(code) if piece[1] in codes and code < 0x110000 else piece
    return _NAMED.get(piece[1], piece if piece[1].isalnum() or piece[1] == "_" else piece[1])
