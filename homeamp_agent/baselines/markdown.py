"""`<Plugin>_universal_config.md`: settings that are the same on every instance with the plugin.

Shape A holds lines `` `key` = value ``; no file is named, the key lives in whichever config file of
the plugin has it. Shape B holds a fence marked yaml that is not YAML: lines `key: <Python str()>`,
where B1 has a file's path and a dict repr, B2 `<file stem>.<dotted key>` and a scalar.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from homeamp_agent.baselines.selectors import stem_pattern
from homeamp_agent.baselines.source import SourceReading, platform_of
from homeamp_agent.baselines.values import (
    Reading,
    inner_settings,
    literal,
    markdown_value,
    repr_scalar,
)
from homeamp_agent.model.rule import Condition, ProblemSeverity

SUFFIX = "_universal_config.md"
_SHAPE_A_LINE = re.compile(r"\s*`(?P<key>.+?)` = (?P<value>.*)\Z", re.DOTALL)
_FENCE = re.compile(r"\s*(?:```|~~~)")
_HEADING = re.compile(r"#{1,6} ")
CONTINUED_LINES_MAX = 64
"""Real values span two lines; past this an opening quote or bracket is a slip, not a value."""


def plugin_of(file: str) -> str:
    """The plugin a baseline file is about, by its name."""
    return file.rsplit("/", 1)[-1][: -len(SUFFIX)]


def read_markdown(file: str, data: bytes) -> SourceReading:
    """Read a markdown baseline of either shape; what cannot be read is a problem with its line."""
    reading = SourceReading(file, "markdown-a", platform=platform_of(file))
    lines = re.split(r"\r\n|\n|\r", reading.text(data))
    if any(_FENCE.match(line) for line in lines):
        reading.form = "markdown-b"
        _ShapeB(reading, plugin_of(file)).read(lines)
    else:
        _read_shape_a(reading, lines)
    return reading


def _read_shape_a(reading: SourceReading, lines: list[str]) -> None:
    plugin = plugin_of(reading.file)
    seen = _Seen(reading)
    for number, text in _shape_a_settings(reading, lines):
        found = _SHAPE_A_LINE.match(text)
        if found is None:
            reading.problem("looks like a setting but has no ` = `; not read", line=number)
            continue
        value = markdown_value(found["value"].strip())
        key = found["key"]
        reading.count("rows")
        if value.problem:
            reading.problem(f"{key}: {value.problem}", line=number)
        if seen.first(key, value.value, number):
            reading.add(Condition(value=value.value), plugin=plugin, key=key, line=number)
    if not reading.rules:
        reading.problem("holds no setting", severity=ProblemSeverity.INFO)


def _shape_a_settings(reading: SourceReading, lines: list[str]) -> Iterator[tuple[int, str]]:
    """Each setting's first line number and whole text; a value may go on over lines."""
    index = 0
    body = False
    stray: list[int] = []
    while index < len(lines):
        number, text = index + 1, lines[index]
        index += 1
        if not text.lstrip().startswith("`"):
            heading = _HEADING.match(text) is not None
            body = body or text.startswith("## ")
            if body and text.strip() and not heading:
                stray.append(number)
            continue
        body = True
        end = _last_line(lines, index)
        yield number, "\n".join([text, *lines[index:end]])
        index = end
    if stray:
        reading.problem(
            f"{len(stray)} lines here and below are no settings; not read"
            if len(stray) > 1
            else "is no setting; not read",
            severity=ProblemSeverity.INFO,
            line=stray[0],
        )


def _last_line(lines: list[str], index: int) -> int:
    """Where the value that begins on the line before `index` ends: the index after its last line.

    A string goes on up to the line that ends with its quote, a list up to where it can be read.
    A string that no line closes has the lines up to the next blank one; a value is looked for in
    at most `CONTINUED_LINES_MAX` lines.
    """
    value = lines[index - 1].partition("` = ")[2].strip()
    quoted = value.startswith('"')
    if quoted and len(value) > 1 and value.endswith('"'):
        return index
    if not quoted and (value[:1] not in {"[", "{"} or literal(value).problem is None):
        return index
    blank: int | None = None
    last = min(len(lines), index + CONTINUED_LINES_MAX)
    for at in range(index, last):
        line = lines[at]
        if line.lstrip().startswith("`") or _HEADING.match(line):
            break
        if not line.strip():
            blank = at if blank is None else blank
        value += "\n" + line
        if quoted and line.rstrip().endswith('"'):
            return at + 1
        if not quoted and literal(value).problem is None:
            return at + 1
    else:
        blank = last if blank is None else blank
    if not quoted:
        return index
    return at if blank is None else blank


class _Seen:
    """Notes keys that stand in a file twice; the first one counts."""

    def __init__(self, reading: SourceReading) -> None:
        self._reading = reading
        self._first: dict[str, tuple[Any, int]] = {}

    def first(self, key: str, value: Any, line: int) -> bool:
        """Whether the key was not there before."""
        if key not in self._first:
            self._first[key] = (value, line)
            return True
        before, first = self._first[key]
        same = type(before) is type(value) and before == value
        what = "again with the same value" if same else "again with another value; the first counts"
        self._reading.problem(
            f"{key} stands here {what} (first in line {first})",
            severity=ProblemSeverity.INFO if same else ProblemSeverity.ERROR,
            line=line,
        )
        return False


class _Line(NamedTuple):
    """One line of shape B; `mapping` is its value where that is the repr of a dict."""

    number: int
    key: str
    text: str
    mapping: dict[Any, Any] | None


class _ShapeB:
    """Reads the lines of a fence, each as B1 or B2.

    A chat format in braces is B2's plain text, so what a line is that looks like a dict and is
    none, or has a dotted key, is told by what most lines of the file are.
    """

    def __init__(self, reading: SourceReading, plugin: str) -> None:
        self._reading = reading
        self._plugin = plugin
        self._seen = _Seen(reading)

    def read(self, lines: list[str]) -> None:
        """All fenced lines."""
        entries = [_entry(*each) for each in self._fenced(lines)]
        self._reading.counts["lines"] = len(entries)
        self._reading.counts["rows"] = 0
        of_files = sum(bool(entry.mapping) for entry in entries) * 2 > len(entries)
        for entry in entries:
            if entry.mapping is not None and (of_files or "." not in entry.key):
                self._file_line(entry, entry.mapping)
            elif entry.mapping:
                for key, value in inner_settings(entry.mapping, entry.key + "."):
                    self._scalar(entry.number, key, Reading(value))
            elif of_files and "." not in entry.key:
                self._reading.problem(
                    f"{entry.key}: holds no settings that can be read; the line is not read",
                    severity=ProblemSeverity.ERROR,
                    line=entry.number,
                )
            else:
                self._scalar(entry.number, entry.key, repr_scalar(entry.text))
        if not entries:
            self._reading.problem("its fence holds no setting", severity=ProblemSeverity.INFO)

    def _fenced(self, lines: list[str]) -> list[tuple[int, str, str]]:
        """Line number, key and text; a line without a key goes on with the text before it."""
        found: list[tuple[int, str, str]] = []
        fenced = False
        for number, line in enumerate(lines, start=1):
            if _FENCE.match(line):
                fenced = not fenced
            elif fenced and line.strip():
                key, colon, text = _split(line)
                if colon:
                    found.append((number, key, text))
                elif found:
                    first, key, text = found[-1]
                    found[-1] = (first, key, f"{text}\n{line}")
                    self._reading.problem(
                        f"a line without `: `; read as more of {key}", line=number
                    )
                else:
                    self._reading.problem("a line without `: `; not read", line=number)
        return found

    def _file_line(self, entry: _Line, mapping: dict[Any, Any]) -> None:
        """B1: a file's path and its settings."""
        twice = not self._seen.first(entry.key, mapping, entry.number)
        for key, value in inner_settings(mapping, ""):
            self._reading.count("rows")
            if not twice:
                self._reading.add(
                    Condition(value=value),
                    plugin=self._plugin,
                    file=stem_pattern(entry.key),
                    key=key,
                    line=entry.number,
                )

    def _scalar(self, line: int, key: str, value: Reading) -> None:
        """B2: the first segment is the file's stem, unless no such file exists (seen on disk)."""
        self._reading.count("rows")
        if not self._seen.first(key, value.value, line):
            return
        stem, dot, rest = key.partition(".")
        self._reading.add(
            Condition(value=value.value, typed=value.typed),
            plugin=self._plugin,
            file=stem_pattern(stem) if dot else None,
            key=rest if dot else key,
            line=line,
            more={"stem_key": key} if dot else None,
        )


def _entry(number: int, key: str, text: str) -> _Line:
    value = literal(text).value if text.startswith("{") else None
    return _Line(number, key, text, value if isinstance(value, dict) else None)


def _split(line: str) -> tuple[str, str, str]:
    """Key and value text; spaces of the value are its own."""
    key, colon, text = line.partition(": ")
    if not colon and line.rstrip().endswith(":"):
        return line.rstrip()[:-1], ":", ""
    return key, colon, text
