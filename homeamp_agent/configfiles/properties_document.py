"""Java .properties files as documents.

Rules of `java.util.Properties.load`: `=`, `:` or blanks between key and value, backslash escapes,
lines continued by a backslash at their end, `#` and `!` comments. Java reads them as Latin-1,
today's servers as UTF-8 with Latin-1 as the second try (Minecraft since 1.20); so does this.
What is written into a Latin-1 file is escaped where the file shows no such byte already: then every
reader agrees on it, whatever it takes the file for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cached_property

from homeamp_agent.configfiles.document import Limits, Problem
from homeamp_agent.configfiles.errors import EditRefused
from homeamp_agent.configfiles.escapes import with_kept_ends, without_lone_surrogates
from homeamp_agent.configfiles.line_document import LineDocument
from homeamp_agent.configfiles.text import SourceText
from homeamp_agent.configfiles.tree import Branch, Leaf

_BLANKS = r"(?:[ \t\f]|\\(?:\r\n|[\r\n]))*+"
_LINE = re.compile(
    r"[ \t\f]*+(?:"
    r"[#!][^\r\n]*+"
    rf"|(?P<key>(?:[^\\ \t\f:=\r\n]++|\\(?:\r\n|.))*+)(?P<gap>{_BLANKS}[:=]?{_BLANKS})"
    r"(?P<value>(?:[^\\\r\n]++|\\(?:\r\n|.))*+\\?)"
    r")(?:\r\n|\r|\n|\Z)",
    re.DOTALL,
)
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(?:\r\n|[\r\n])[ \t\f]*+|(u)|(.)|\Z)", re.DOTALL)
_NAMED = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}
_UNNAMED = {"\t": "\\t", "\n": "\\n", "\r": "\\r", "\f": "\\f", "\\": "\\\\"}
_PUNCTUATION = re.compile(r"[:=#!]")
_ESCAPED_PUNCTUATION = re.compile(r"\\[:=#!]")
_UNICODE_ESCAPE = re.compile(r"(?<!\\)(?:\\\\)*\\u([0-9a-fA-F]{4})")
_TIMESTAMP = re.compile(
    r"^#[A-Z][a-z]{2} [A-Z][a-z]{2} \d\d \d\d:\d\d:\d\d .*\d{4}\s*$", re.MULTILINE
)


class _Latin1Text(SourceText):
    """A file whose bytes are no UTF-8, read as Java always did: one byte, one character."""

    def __init__(self, file: str, data: bytes, limits: Limits) -> None:
        super().__init__(file, b"", limits)
        self.data = data
        self.text = data.decode("latin-1")
        self.encoding = "latin-1"
        self._refuse_binary()

    def byte_offset(self, index: int) -> int:
        return index


class PropertiesDocument(LineDocument):
    """`key=value` lines as Java reads them; a key path is one segment, dots and all."""

    format = "properties"

    def _decoded(self, file: str, data: bytes, limits: Limits) -> SourceText:
        source = super()._decoded(file, data, limits)
        return _Latin1Text(file, data, limits) if source.undecodable else source

    def _scan(self) -> tuple[Branch, Iterable[Problem]]:
        root = Branch(0, 0, 0, 0)
        problems: list[Problem] = []
        source, text = self.source, self.source.text
        pos = count = 0
        while pos < len(text):
            found = _LINE.match(text, pos)
            assert found is not None  # noqa: S101  (the pattern matches any line)
            pos = found.end()
            at, key_end = found.span("key")
            start, end = found.span("value")
            if at == end or at < 0:
                continue
            key, value = self._plain_text(at, key_end), self._plain_text(start, end)
            style = "plain" if start > key_end else "implied"
            problem = self._add(root, key, Leaf(source, value, style, at, key_end, start, end))
            problems += [problem] if problem else []
            count += 1
            self._refuse_too_many(count, at)
        return root, problems

    def _plain_text(self, start: int, end: int) -> str:
        token = self.source.text[start:end]
        if "\\" not in token:
            return token

        def unescaped(escape: re.Match[str]) -> str:
            if escape[1]:
                return chr(int(escape[1], 16))
            if escape[2]:
                raise self._error(start + escape.start(), "\\u without four hexadecimal digits")
            return _NAMED.get(escape[3], escape[3]) if escape[3] else ""

        return without_lone_surrogates(_ESCAPE.sub(unescaped, token))

    def _written(self, text: str, old: Leaf | None, separator: str) -> str:
        escaped = {mark for mark in ":=#!" if self._escapes_mark(mark, [old.token] if old else [])}
        pieces = [self._character(character, escaped) for character in text]
        if pieces and text[0] == " ":
            pieces[0] = "\\ "
        bare_separator = "=" not in separator and ":" not in separator
        if pieces and bare_separator and pieces[0] in ("=", ":"):
            pieces[0] = "\\" + pieces[0]
        written = "".join(pieces)
        return with_kept_ends(old.token, written, codes="u") if old else written

    def _key_written(self, key: str) -> str:
        if not key:
            raise EditRefused("a key without a name has no line of its own")
        pieces = [self._character(character, set(":=#!")) for character in key]
        return "".join("\\ " if piece == " " else piece for piece in pieces)

    def _character(self, character: str, escaped: set[str]) -> str:
        if character in _UNNAMED:
            return _UNNAMED[character]
        if character in escaped:
            return "\\" + character
        if character > "~" and (self._escapes_unicode or not self._stays_raw(character)):
            units = character.encode("utf-16-be")
            template = "\\u{:04x}" if self._lower_hex else "\\u{:04X}"
            return "".join(
                template.format(int.from_bytes(units[i : i + 2], "big"))
                for i in range(0, len(units), 2)
            )
        return character

    def _escapes_mark(self, mark: str, habit: list[str]) -> bool:
        """Whether `mark` gets a backslash in values: as in the old value, else as in the file.

        Java's own writer escapes all of `: = # !`; people don't.
        """
        if not any(mark in token for token in habit):
            habit = self._tokens_with_marks
        with_mark = [token for token in habit if mark in token]
        if not with_mark:
            with_mark = self._tokens_with_marks
            escaped = sum(_ESCAPED_PUNCTUATION.search(token) is not None for token in with_mark)
        else:
            escaped = sum("\\" + mark in token for token in with_mark)
        if with_mark:
            return escaped * 2 > len(with_mark)
        return _TIMESTAMP.search(self.source.text) is not None

    @cached_property
    def _tokens_with_marks(self) -> list[str]:
        return [node.token for node in self._leaves() if _PUNCTUATION.search(node.token)]

    @cached_property
    def _escapes_unicode(self) -> bool:
        """Where the file shows no habit, an escape: Latin-1 and UTF-8 readers agree on it."""
        tokens = [node.token for node in self._leaves()]
        escaped = sum(_UNICODE_ESCAPE.search(token) is not None for token in tokens)
        raw = sum(not token.isascii() for token in tokens)
        return escaped >= raw

    def _stays_raw(self, character: str) -> bool:
        return self.source.encoding != "latin-1" or character in self._characters

    @cached_property
    def _characters(self) -> frozenset[str]:
        return frozenset(self.source.text)

    @cached_property
    def _lower_hex(self) -> bool:
        digits = "".join(_UNICODE_ESCAPE.findall(self.source.text))
        return digits != digits.upper() and digits == digits.lower()

    def _leaves(self) -> list[Leaf]:
        assert isinstance(self.root, Branch)  # noqa: S101  (what _scan makes)
        return [node for node in self.root.members.values() if isinstance(node, Leaf)]
