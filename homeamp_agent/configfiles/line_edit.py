"""An edit of one line in a file that no reader can read.

A broken file has no settings and so no proof. What can still be offered is to change a
`key: value` line that is found exactly once; it is a `LineEdit`, never the result of a
`Document`, so that whoever shows it says what it is.

Only a value that begins and ends on its line is changed: no list, mapping, block or anchor, and
none that the next line goes on with. `verify_line_edit` shows of the bytes what can be shown
without reading them: one line differs, and it is the key's only one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from homeamp_agent.configfiles.document import DEFAULT_LIMITS, Limits
from homeamp_agent.configfiles.errors import ConfigFileError, EditRefused
from homeamp_agent.configfiles.sniff import format_of
from homeamp_agent.configfiles.text import LINE_END, SourceText
from homeamp_agent.configfiles.yaml_scalars import plain_value
from homeamp_agent.configfiles.yaml_write import can_be_plain

_QUOTED: Final = re.compile(r"""'(?:[^']|'')*'|"(?:[^"\\]|\\.)*\"""")
_BEHIND: Final = re.compile(r"[ \t]*+(?:(?<=[ \t])#.*)?$")
_BEHIND_COMMA: Final = re.compile(r"[ \t]*+,?[ \t]*+(?:#.*|//.*)?$")
_NO_SCALAR: Final = re.compile(r"""[\[{](?:[^\]}]*|.*[\]}])$|[|>][0-9+-]*$|\"\"\"|'''""")
"""A list, a mapping, a block, triple quotes; not `[Server] hello`, a text, broken or not."""
_OTHER_LINE: Final = re.compile(r"[ \t]*+(?:#|-?[ \t]*+[^\s:]++:(?:[ \t]|$))")
"""A comment or a key: no text goes on with such a line."""
_BARE: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?|true|false")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\x85\u2028\u2029]")
_TEXT_FORMATS: Final = ("properties", "kvp", "ini", "forge_cfg")
"""Where a value is the rest of its line and quotes are part of it."""
_KEY: Final = re.compile(r":(?:[ \t]|$)")
_MOST_LINES_NAMED: Final = 5


@dataclass(frozen=True, slots=True)
class LineEdit:
    """One changed line, unproven: nobody has read the file before or after.

    `line` counts from 1; `old_line` and `new_line` are without their line break; `old_text` is the
    value that stands there, without quotes (with them, where they are never closed); `data` is the
    whole file after the edit, every other byte as it was.
    """

    file: str
    line: int
    key: str
    old_line: str
    new_line: str
    old_text: str
    new_text: str
    data: bytes


def propose_line_edit(
    file: str,
    data: bytes,
    key: str,
    old_text: str | None,
    new_text: str,
    limits: Limits = DEFAULT_LIMITS,
    *,
    is_text: bool = False,
    parents: Sequence[str] | None = None,
) -> LineEdit:
    """The edit that turns `key: old_text` into `key: new_text`, where there is one such line.

    Both texts are values without quotes; the line's own quotes, its indentation, its separator
    (`:` or `=`), a comma and a comment behind the value stay. Quotes are added where the format
    that the file's name tells needs them, and with `is_text` also where `new_text` would read as a
    number or a word like `true`. Without `old_text`, whatever stands there is replaced, also a text
    whose quote is never closed. `parents`: the keys above it, which in YAML the indentation tells.

    Raises:
        EditRefused: the key's line is not there, is there more than once, stands under other keys,
            or holds another value or one that does not end on the line.
        ConfigFileError: the bytes are no text.
    """
    if not key or "\n" in key or "\r" in key:
        raise EditRefused("there is no key to look for")
    if _CONTROL.search(new_text):
        raise EditRefused("the new value does not fit on one line")
    source = SourceText(file, data, limits)
    format_name = told_format(file, data)
    start = _only_line(source, key, typed=format_name == "forge_cfg")
    if parents is not None and format_name == "yaml":
        _refuse_elsewhere(source, start, parents)
    end = source.line_end(start)
    rest = source.text[start:end]
    if old_text is None:
        token, holds = any_token(rest, format_name), "a value"
    else:
        token, holds = _token(rest, old_text, format_name), "the expected value"
    if token is None:
        raise EditRefused(f"line {source.line(start)} does not hold {holds}")
    _refuse_beyond_line(source, start, token)
    written = _written(token, new_text, format_name, is_text=is_text)
    line_start = source.line_start(start)
    old_line = source.text[line_start:end]
    new_line = source.text[line_start:start] + written + source.text[start + len(token) : end]
    after = source.splice(start, start + len(token), written)
    found = _value_of(token, format_name) if old_text is None else old_text
    return LineEdit(file, source.line(start), key, old_line, new_line, found, new_text, after)


def verify_line_edit(
    edit: LineEdit, before: bytes, after: bytes, limits: Limits = DEFAULT_LIMITS
) -> None:
    """Show what can be shown of a file that nobody reads.

    Raises:
        EditRefused: `after` is not exactly what was proposed, another line than that one differs,
            or the key's line is not there exactly once with the new value.
        ConfigFileError: the bytes are no text.
    """
    if after != edit.data:
        raise EditRefused("the bytes are not those that were planned")
    source = SourceText(edit.file, after, limits)
    old, new = (
        LINE_END.split(each.text) for each in (SourceText(edit.file, before, limits), source)
    )
    differ = [
        number for number, pair in enumerate(zip(old, new, strict=False), 1) if pair[0] != pair[1]
    ]
    if len(old) != len(new) or differ != [edit.line]:
        raise EditRefused(f"more than line {edit.line} would change")
    format_name = told_format(edit.file, after)
    start = _only_line(source, edit.key, typed=format_name == "forge_cfg")
    if source.line(start) != edit.line:
        raise EditRefused(f"the key would stand in line {source.line(start)}")
    if _token(source.text[start : source.line_end(start)], edit.new_text, format_name) is None:
        raise EditRefused(f"line {edit.line} would not hold the new value")


def told_format(file: str, data: bytes) -> str:
    """The format of the file's name; what nothing tells is taken for YAML."""
    try:
        return format_of(file, data)
    except ConfigFileError:
        return "yaml"


def _only_line(source: SourceText, key: str, *, typed: bool) -> int:
    """Where the value starts in the one line that the key begins."""
    line_of_key = re.compile(
        rf"""^[ \t]*+(?:-[ \t]++)?{"(?:[A-Z]:)?" if typed else ""}"""
        rf"""(["']?){re.escape(key)}\1[ \t]*+(?::(?=[ \t"']|$)|=)[ \t]*+""",
        re.MULTILINE,
    )
    found = list(line_of_key.finditer(source.text.replace("\r", "\n")))
    if len(found) != 1:
        raise EditRefused(_not_once(source, [match.start() for match in found]))
    return found[0].end()


def _not_once(source: SourceText, starts: list[int]) -> str:
    if not starts:
        return "no line of the file begins with this key"
    lines = ", ".join(str(source.line(start)) for start in starts[:_MOST_LINES_NAMED])
    more = ", ..." if len(starts) > _MOST_LINES_NAMED else ""
    return (
        f"the key stands in {len(starts)} lines ({lines}{more}), so which one is meant is unclear"
    )


def _token(rest: str, old_text: str, format_name: str) -> str | None:
    """The text of the value in `rest` of the line, quotes included, if it is `old_text`."""
    if format_name in _TEXT_FORMATS:
        return old_text if old_text and rest.rstrip() == old_text else None
    behind = _BEHIND if format_name in ("yaml", "toml") else _BEHIND_COMMA
    plain = old_text and old_text[0] not in "\"'"
    if plain and rest.startswith(old_text) and behind.match(rest, len(old_text)):
        return old_text
    quoted = _QUOTED.match(rest)
    if quoted is None or not behind.match(rest, quoted.end()):
        return None
    return quoted[0] if _unquoted(quoted[0], format_name) == old_text else None


def any_token(rest: str, format_name: str) -> str | None:
    """The text of whatever value `rest` of the line holds; all of it where a quote stays open."""
    if format_name in _TEXT_FORMATS:
        return rest.rstrip() or None
    behind = _BEHIND if format_name in ("yaml", "toml") else _BEHIND_COMMA
    if rest[:1] in ("'", '"'):
        quoted = _QUOTED.match(rest)
        closed = quoted is not None and behind.match(rest, quoted.end())
        return quoted[0] if quoted is not None and closed else rest.rstrip()
    marks = ("#",) if format_name in ("yaml", "toml") else ("#", "//")
    for mark in marks:
        at = rest.find(mark)
        while at > 0 and rest[at - 1] not in " \t":
            at = rest.find(mark, at + 1)
        rest = rest if at < 0 else rest[:at]
    rest = rest.rstrip()
    return (rest.removesuffix(",").rstrip() if behind is _BEHIND_COMMA else rest) or None


def is_open(token: str | None) -> bool:
    """Whether a value begins with a quote that is not closed, or not at its end."""
    return token is not None and token[0] in "\"'" and _QUOTED.fullmatch(token) is None


def _value_of(token: str, format_name: str) -> str:
    """The value without its quotes, where they are whole."""
    if format_name in _TEXT_FORMATS or _QUOTED.fullmatch(token) is None:
        return token
    unquoted = _unquoted(token, format_name)
    return token if unquoted is None else unquoted


def _unquoted(token: str, format_name: str) -> str | None:
    if token[0] == "'":
        return token[1:-1].replace("''", "'") if format_name == "yaml" else token[1:-1]
    try:
        return str(json.loads(token, strict=False))
    except ValueError:
        return None


def _refuse_beyond_line(source: SourceText, start: int, token: str) -> None:
    """Refuse a value that does not end on its line, or that is not a simple one."""
    if _NO_SCALAR.match(token):
        raise EditRefused("the value is no simple one: a list, a mapping or a block")
    if token.endswith("\\"):
        raise EditRefused("the value goes on in the next line")
    if token[0] in "\"'":
        if _QUOTED.fullmatch(token) is None:
            _refuse_open_quote(source, start)
        return
    line_start = source.line_start(start)
    indent = _indent(source.text[line_start:start])
    following = source.next_line_start(start)
    next_line = source.text[following : source.line_end(following)]
    deeper = bool(next_line.strip()) and _indent(next_line) > indent
    if following > start and deeper and not _OTHER_LINE.match(next_line):
        raise EditRefused("the value may go on in the next line, which is indented deeper")


def _refuse_open_quote(source: SourceText, start: int) -> None:
    """A text whose quote is not closed on its line ends there only if a key or nothing follows."""
    following = source.next_line_start(start)
    next_line = source.text[following : source.line_end(following)]
    ends = not next_line.strip() or next_line.strip()[0] in "}]" or _OTHER_LINE.match(next_line)
    if following > start and not ends:
        raise EditRefused("its quote is not closed on the line, and may be on a later one")


def _refuse_elsewhere(source: SourceText, start: int, parents: Sequence[str]) -> None:
    """Refuse a line that its indentation puts under other keys than `parents`."""
    line = source.line(start)
    above = list(_above(source, line))
    named = zip(above, reversed(parents), strict=False)
    if len(above) == len(parents) and all(_is_key(text, key) for text, key in named):
        return
    where = f"stands under `{above[0].partition(':')[0].strip()}`" if above else "stands at the top"
    raise EditRefused(f"line {line} {where}, not where the setting is")


def _above(source: SourceText, line: int) -> Iterator[str]:
    """The lines of the keys that a YAML line stands under, innermost first."""
    starts = source.line_starts
    text = source.text[starts[line - 1] : source.line_end(starts[line - 1])]
    indent, item = _indent(text), text.lstrip().startswith("- ")
    for start in reversed(starts[: line - 1]):
        text = source.text[start : source.line_end(start)]
        stripped, deep = text.strip(), _indent(text)
        starts_item = stripped.startswith("-")
        if not stripped or stripped[0] == "#" or not (starts_item or _KEY.search(stripped)):
            continue
        if deep < indent and starts_item:
            indent, item = deep, True
        elif deep < indent or (item and deep == indent and not starts_item):
            yield stripped
            indent, item = deep, False


def keys_above(source: SourceText, line: int) -> tuple[str, ...]:
    """The names of the keys that a YAML line stands under, outermost first."""
    found = (each.partition(":")[0].strip().strip("'\"") for each in _above(source, line))
    return tuple(found)[::-1]


def _is_key(line: str, key: str) -> bool:
    return line.startswith((f"{key}:", f"'{key}':", f'"{key}":'))


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" \t"))


def _written(token: str, new_text: str, format_name: str, *, is_text: bool) -> str:
    """`new_text` in the quotes that `token` has, or in some if it needs them."""
    if format_name in _TEXT_FORMATS:
        return new_text
    if token[0] == '"':
        return json.dumps(new_text, ensure_ascii=False)
    if format_name == "yaml":
        other_type = new_text and type(plain_value(new_text)) is not str
        plain = (other_type and not is_text) or can_be_plain(new_text, flow=False)
        if token[0] == "'" or not plain:
            return "'" + new_text.replace("'", "''") + "'"
        return new_text
    if token[0] == "'" and "'" not in new_text and "\\" not in new_text:
        return f"'{new_text}'"
    bare = _BARE.fullmatch(new_text) and not is_text
    return new_text if bare else json.dumps(new_text, ensure_ascii=False)
