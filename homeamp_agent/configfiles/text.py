"""The text of a config file, with a way back from every character to its bytes.

Formats parse `SourceText.text`, a `str` without the byte order mark, and splice through
`SourceText.splice`, so that every byte they don't name stays as it was, decodable or not.

A byte that is not valid UTF-8 (real files hold cp1252 `§` and GBK text) becomes one private-use
character, and that character becomes the byte again. It is not a lone surrogate, because values
travel on: SQLite, JSON and libyaml all refuse those.
"""

from __future__ import annotations

import codecs
import re
from bisect import bisect_right
from collections.abc import Iterable
from functools import cached_property
from typing import NamedTuple

from homeamp_agent.configfiles.document import Limits, Problem
from homeamp_agent.configfiles.errors import ConfigFileError, EditRefused, TooLargeError

UNDECODABLE_BLOCKS = (0x10FE00, 0x10FD00, 0x10FC00, 0xF0000)
"""Where undecodable bytes go: `block + byte`, in the first block that the file itself leaves
unused. Plane 16 first: resource packs put their glyphs into the BMP's private area."""

_BLOCK_CHARACTERS = 128
"""Places are looked up by counting bytes from the start of a block: short counts, and none where
the block is ASCII, as most are also where a file has some `§`."""

LINE_END = re.compile(r"\r\n|\n|\r")
_SURROGATE_ESCAPE = 0xDC00
_PLANE_15_OR_16 = re.compile(rb"[\xf3\xf4][\x80-\xbf]{3}")
_PLANE_15_OR_16_TEXT = re.compile("[\U000f0000-\U0010ffff]")


class Splice(NamedTuple):
    """Characters `[start, end)` of the text become `replacement`."""

    start: int
    end: int
    replacement: str


class SourceText:
    """Decoded text of one file.

    Attributes:
        text: the characters, without the byte order mark.
        bom: the byte order mark's bytes, or `b""`.
        encoding: `utf-8`, `utf-16-le` or `utf-16-be`.
        undecodable: how many bytes are not valid in that encoding.
    """

    def __init__(self, file: str, data: bytes, limits: Limits) -> None:
        """Decode `data`.

        Raises:
            TooLargeError: more bytes than `limits.max_bytes`.
            ConfigFileError: a binary file (NUL bytes) or broken UTF-16.
        """
        if len(data) > limits.max_bytes:
            raise TooLargeError(
                file, f"{len(data):,} bytes; at most {limits.max_bytes:,} are read as a config file"
            )
        self.file = file
        self.data = data
        self.bom, self.encoding = _byte_order_mark(data)
        self.undecodable = 0
        self._block = UNDECODABLE_BLOCKS[0]
        body = data[len(self.bom) :] if self.bom else data
        if self.encoding == "utf-8":
            self.text = self._decode_utf8(body)
        else:
            self.text = self._decode_utf16(body)
        self._refuse_binary()

    def _decode_utf8(self, body: bytes) -> str:
        try:
            text = body.decode("utf-8")
        except UnicodeDecodeError:
            text = body.decode("utf-8", "surrogateescape")
            self.undecodable = sum(1 for c in text if "\udc80" <= c <= "\udcff")
        if not text.isascii() and _PLANE_15_OR_16.search(body):
            used = set(text)
            blocks = (block for block in UNDECODABLE_BLOCKS if not _is_used(block, used))
            self._block = next(blocks, UNDECODABLE_BLOCKS[-1])
        if not self.undecodable:
            return text
        return text.translate(
            {_SURROGATE_ESCAPE + byte: self._block + byte for byte in range(0x80, 0x100)}
        )

    def _decode_utf16(self, body: bytes) -> str:
        try:
            return body.decode(self.encoding)
        except UnicodeDecodeError as error:
            readable = body[: error.start].decode(self.encoding, "ignore")
            line = readable.count("\n") + 1
            column = len(readable) - (readable.rfind("\n") + 1) + 1
            raise ConfigFileError(
                self.file, f"broken UTF-16: {error.reason}", line, column
            ) from error

    def _refuse_binary(self) -> None:
        nul = self.text.find("\x00")
        if nul >= 0:
            line, column = self.place(nul)
            raise ConfigFileError(self.file, "a binary file (it holds NUL bytes)", line, column)

    @cached_property
    def is_ascii(self) -> bool:
        """Whether characters and bytes are counted alike (the mark apart)."""
        return self.encoding == "utf-8" and self.text.isascii()

    @cached_property
    def counts_bytes(self) -> bool:
        """Whether a character's place in `text` is its byte's place in `data`."""
        return self.is_ascii and not self.bom

    def encode(self, text: str) -> bytes:
        """The bytes that stand for `text` in this file; undecodable bytes come back as they were.

        Raises:
            UnicodeEncodeError: `text` holds a lone surrogate.
        """
        if self.encoding != "utf-8" or text.isascii() or not _PLANE_15_OR_16_TEXT.search(text):
            return text.encode(self.encoding)
        return text.translate(self._surrogates).encode("utf-8", "surrogateescape")

    @cached_property
    def _surrogates(self) -> dict[int, int]:
        return {self._block + byte: _SURROGATE_ESCAPE + byte for byte in range(0x80, 0x100)}

    @cached_property
    def _block_offsets(self) -> list[int]:
        """Where in `data` each block of `_BLOCK_CHARACTERS` characters starts."""
        offsets = [len(self.bom)]
        offset = offsets[0]
        for start in range(0, len(self.text), _BLOCK_CHARACTERS):
            offset += len(self.encode(self.text[start : start + _BLOCK_CHARACTERS]))
            offsets.append(offset)
        return offsets

    def byte_offset(self, index: int) -> int:
        """Where character `index` of `text` starts in `data`."""
        if self.is_ascii:
            return index + len(self.bom)
        block, rest = divmod(index, _BLOCK_CHARACTERS)
        offsets = self._block_offsets
        offset = offsets[block]
        if not rest:
            return offset
        start = index - rest
        if offsets[block + 1] - offset == min(_BLOCK_CHARACTERS, len(self.text) - start):
            return offset + rest
        inside = self.text[start:index]
        return offset + len(self.encode(inside))

    def byte_offsets(self, start: int, end: int) -> tuple[int, int]:
        """Where characters `[start, end)` of `text` stand in `data`."""
        if self.is_ascii:
            mark = len(self.bom)
            return start + mark, end + mark
        first = self.byte_offset(start)
        if end - start > _BLOCK_CHARACTERS:
            return first, self.byte_offset(end)
        inside = self.text[start:end]
        if self.encoding == "utf-8" and inside.isascii():
            return first, first + end - start
        return first, first + len(self.encode(inside))

    @cached_property
    def line_starts(self) -> list[int]:
        """Character index at which each line starts, as editors count lines (LF, CRLF, lone CR)."""
        return [0, *(match.end() for match in LINE_END.finditer(self.text))]

    def line(self, index: int) -> int:
        """The line of character `index`, counted from 1."""
        return bisect_right(self.line_starts, index)

    def place(self, index: int) -> tuple[int, int]:
        """Line and column of character `index`, both counted from 1."""
        line = self.line(index)
        return line, index - self.line_starts[line - 1] + 1

    def line_start(self, index: int) -> int:
        """Where the line that holds character `index` starts."""
        return self.line_starts[self.line(index) - 1]

    def next_line_start(self, index: int) -> int:
        """Where the line after that of character `index` starts; the text's end if none follows."""
        line = self.line(index)
        return self.line_starts[line] if line < len(self.line_starts) else len(self.text)

    def line_end(self, index: int) -> int:
        """Where the line of character `index` ends, its line break not included."""
        end = self.next_line_start(index)
        while end > index and self.text[end - 1] in "\r\n":
            end -= 1
        return end

    def whole_lines(self, first: int, last: int) -> tuple[int, int]:
        """The lines from that of character `first` to that of `last`, to be removed.

        At the end of a file without a final line break, the break before them goes instead of the
        one that is missing behind them: such a file stays one.
        """
        start, end = self.line_start(first), self.next_line_start(last)
        if end == len(self.text) and start > 0 and not self.text.endswith(("\n", "\r")):
            start = self.line_end(self.line_start(start - 1))
        return start, end

    def newline(self, index: int) -> str:
        """The line break in use around character `index`: that of its line, else the one before."""
        line = self.line(index)
        for end in (line, line - 1):
            if 0 < end < len(self.line_starts):
                before = self.text[: self.line_starts[end]][-2:]
                return "\r\n" if before == "\r\n" else before[-1]
        return "\n"

    def splice(self, start: int, end: int, replacement: str) -> bytes:
        """The file's bytes with characters `[start, end)` replaced; every other byte stays."""
        return self.spliced([Splice(start, end, replacement)])

    def spliced(self, splices: Iterable[Splice]) -> bytes:
        """The file's bytes after `splices`, given in any order; every other byte stays.

        Of two at the same place, the one that only inserts comes first.

        Raises:
            EditRefused: two of them overlap, or a replacement cannot be encoded.
        """
        pieces: list[bytes] = []
        done = 0
        for start, end, replacement in sorted(splices, key=lambda splice: splice[:2]):
            first = self.byte_offset(start)
            if first < done:
                raise EditRefused("the edit would change the same place twice")
            try:
                pieces += self.data[done:first], self.encode(replacement)
            except UnicodeEncodeError as error:
                raise EditRefused(f"the value cannot be written as {self.encoding}") from error
            done = self.byte_offset(end)
        return b"".join((*pieces, self.data[done:]))

    def problems(self) -> tuple[Problem, ...]:
        """What a person should know of the bytes themselves."""
        if not self.undecodable:
            return ()
        undecodable = re.compile(f"[{chr(self._block + 0x80)}-{chr(self._block + 0xFF)}]")
        found = undecodable.search(self.text)
        line = self.line(found.start()) if found else None
        message = f"{self.undecodable} bytes are not valid UTF-8; they are kept as they are"
        return (Problem("undecodable_bytes", message, line),)


def _is_used(block: int, used: set[str]) -> bool:
    return any(chr(block + byte) in used for byte in range(0x80, 0x100))


def _byte_order_mark(data: bytes) -> tuple[bytes, str]:
    for bom, encoding in (
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    ):
        if data.startswith(bom):
            return bom, encoding
    return b"", "utf-8"
