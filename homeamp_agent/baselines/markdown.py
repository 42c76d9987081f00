"""`<Plugin>_universal_config.md`: settings that are the same on every instance with the plugin.

Shape A holds lines `` `key` = value ``; no file is named, the key lives in whichever config file of
the plugin has it. Shape B holds a fence marked yaml that is not YAML: lines `key: <Python str()>`,
where B1 has a file's path and a dict repr, B2 `<file stem>.<dotted key>` and a scalar.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from homeamp_agent.baselines.source import SourceReading
from homeamp_agent.baselines.values import Reading, literal, markdown_value, repr_scalar
from homeamp_agent.model.rule import Condition, ProblemSeverity
from homeamp_agent.model.setting import segment_text

SUFFIX = "_universal_config.md"
_SHAPE_A_LINE = re.compile(r"`(?P<key>.+?)` = (?P<value>.*)\Z", re.DOTALL)
_FENCE = re.compile(r"\s*(?:```|~~~)")


def plugin_of(file: str) -> str:
    """The plugin a baseline file is about, by its name."""
    return file.rsplit("/", 1)[-1][: -len(SUFFIX)]


def read_markdown(file: str, data: bytes) -> SourceReading:
    """Read a markdown baseline of either shape; what cannot be read is a problem with its line."""
    lines = re.split(r"\r\n|\n|\r", data.decode("utf-8-sig", "replace"))
    if any(_FENCE.match(line) for line in lines):
        return _read_shape_b(SourceReading(file, "markdown-b"), lines)
    return _read_shape_a(SourceReading(file, "markdown-a"), lines)


def _read_shape_a(reading: SourceReading, lines: list[str]) -> SourceReading:
    plugin = plugin_of(reading.file)
    seen: dict[str, tuple[Any, int]] = {}
    for number, text in _shape_a_settings(lines):
        found = _SHAPE_A_LINE.match(text)
        if found is None:
            reading.problem("looks like a setting but has no ` = `; not read", line=number)
            continue
        value = markdown_value(found["value"].strip())
        key = found["key"]
        if value.problem:
            reading.problem(f"{key}: {value.problem}", line=number)
        if not _duplicate(reading, seen, key, value, number):
            reading.add(Condition(value=value.value), plugin=plugin, key=key, line=number)
    if not reading.rules:
        reading.problem("holds no setting", severity=ProblemSeverity.INFO)
    return reading


def _shape_a_settings(lines: list[str]) -> Iterator[tuple[int, str]]:
    """Each setting's first line number and whole text; a quoted value may go on over lines."""
    index = 0
    while index < len(lines):
        number, text = index + 1, lines[index]
        index += 1
        if not text.startswith("`"):
            continue
        value = text.partition("` = ")[2].strip()
        if value.startswith('"') and (len(value) < 2 or not value.endswith('"')):
            end = _closing_line(lines, index)
            if end is not None:
                text = "\n".join([text, *lines[index : end + 1]])
                index = end + 1
        yield number, text


def _closing_line(lines: list[str], start: int) -> int | None:
    """The line that closes a quoted value begun before `start`; None where the next one begins."""
    for index in range(start, len(lines)):
        line = lines[index]
        if line.startswith(("`", "#")):
            return None
        if line.rstrip().endswith('"'):
            return index
    return None


def _duplicate(
    reading: SourceReading, seen: dict[str, tuple[Any, int]], key: str, value: Reading, line: int
) -> bool:
    """Note a key that was there before; the first one counts."""
    if key not in seen:
        seen[key] = (value.value, line)
        return False
    before, first = seen[key]
    same = type(before) is type(value.value) and before == value.value
    what = "again with the same value" if same else "again with another value; the first counts"
    reading.problem(
        f"{key} stands here {what} (first in line {first})",
        severity=ProblemSeverity.INFO if same else ProblemSeverity.ERROR,
        line=line,
    )
    return True


def _read_shape_b(reading: SourceReading, lines: list[str]) -> SourceReading:
    plugin = plugin_of(reading.file)
    fenced = False
    seen: dict[str, tuple[Any, int]] = {}
    reading.counts["lines"] = 0
    for number, line in enumerate(lines, start=1):
        if _FENCE.match(line):
            fenced = not fenced
            continue
        if not fenced or not line.strip():
            continue
        key, colon, text = _split(line)
        if not colon:
            reading.problem("a line without `: `; not read", line=number)
            continue
        reading.counts["lines"] += 1
        if text.startswith("{") and _is_file_line(key, text):
            _read_file_line(reading, plugin, key, text, number)
            continue
        value = repr_scalar(text)
        if not _duplicate(reading, seen, key, value, number):
            _add_scalar(reading, plugin, key, value, number)
    if not reading.counts["lines"]:
        reading.problem("its fence holds no setting", severity=ProblemSeverity.INFO)
    return reading


def _split(line: str) -> tuple[str, str, str]:
    """Key and value text; spaces of the value are its own."""
    key, colon, text = line.partition(": ")
    if not colon and line.rstrip().endswith(":"):
        return line.rstrip()[:-1], ":", ""
    return key, colon, text


def _is_file_line(key: str, text: str) -> bool:
    """B1, unless it is B2's empty mapping (`config.worlds: {}`)."""
    return text.strip() != "{}" or "." not in key


def _read_file_line(reading: SourceReading, plugin: str, file: str, text: str, line: int) -> None:
    value = literal(text)
    if value.problem or not isinstance(value.value, dict):
        reading.problem(
            f"{file}: {value.problem or 'holds no settings'}; the line is not read",
            severity=ProblemSeverity.ERROR,
            line=line,
        )
        return
    for key, inner in _inner_settings(value.value, ""):
        reading.add(Condition(value=inner), plugin=plugin, file=f"{file}.*", key=key, line=line)


def _inner_settings(mapping: dict[Any, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for segment, value in mapping.items():
        key = prefix + segment_text(segment)
        if isinstance(value, dict) and value:
            yield from _inner_settings(value, key + ".")
        else:
            yield key, value


def _add_scalar(reading: SourceReading, plugin: str, key: str, value: Reading, line: int) -> None:
    """B2: the first segment is the file's stem, unless no such file exists (decided on disk)."""
    stem, dot, rest = key.partition(".")
    reading.add(
        Condition(value=value.value, typed=value.typed),
        plugin=plugin,
        file=f"{stem}.*" if dot else None,
        key=rest if dot else key,
        line=line,
        more={"stem_key": key} if dot else None,
    )
