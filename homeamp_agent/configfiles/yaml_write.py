"""Values as YAML text that reads back as they are, under YAML 1.1 and in a file's own style."""

from __future__ import annotations

import base64
import math
import re
from typing import Final, NamedTuple

from homeamp_agent.configfiles.document import KeySegment, Value
from homeamp_agent.configfiles.errors import EditRefused
from homeamp_agent.configfiles.escapes import with_kept_ends
from homeamp_agent.configfiles.figures import float_text, int_text
from homeamp_agent.configfiles.yaml_scalars import (
    BOOLEANS,
    TAG,
    TYPED_BY_OTHERS,
    TaggedText,
    plain_value,
)

_NOT_RAW: Final = re.compile(
    "[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]"
)
"""What cannot stand raw in a one-line scalar: control characters and every kind of line break."""

NOT_IN_BLOCK: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]"
)
"""What cannot stand in a block scalar: control characters, and line breaks that are not ours."""

_NEVER_FIRST: Final = frozenset(",[]{}#&*!|>'\"%@`")
_FLOW_SIGNS: Final = frozenset(",[]{}?")
_ESCAPES: Final = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_TO_ESCAPE: Final = re.compile('[\\\\"\t]|' + _NOT_RAW.pattern)
_IMPLICIT_TAGS: Final = frozenset(TAG + name for name in ("timestamp", "int", "float"))
_BLOCK_HEADER: Final = re.compile(r"([|>])([0-9+-]*)([^\r\n]*)")
_NON_ASCII_ESCAPE: Final = re.compile(
    r"\\(?:x[89a-fA-F][0-9a-fA-F]|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8})"
)
_HALF_ESCAPE: Final = re.compile(r"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")
_LONGEST_KEY: Final = 1000
"""YAML allows 1,024 characters for a key that no `?` announces."""


class Style(NamedTuple):
    """How a file writes what is new in it.

    `quote` is the quotation mark for text that needs one, `text` the mark for text that needs
    none (empty: plain), `key` that of keys, `key_below` that of keys further down. `step` is the
    indentation of one level in columns; `list_step` that of a list below its key, 0 where the dash
    stands under the key. `blocks` allows `|` for text of several lines. `flow_lists` puts lists of
    scalars into brackets, `flow_items` the items of a list that are lists or mappings; `pad` is the
    blank behind `[`. `boolean` is a word that true and false are spelt like (empty: as ever).
    """

    quote: str
    text: str
    step: int
    list_step: int
    blocks: bool = True
    key: str = ""
    flow_lists: bool = False
    flow_items: bool = False
    pad: str = ""
    key_below: str = ""
    boolean: str = ""


def wanted(value: Value, old: Value) -> Value:
    """`value` as it must read back: in exact types, and text in the place of a date is a date.

    Raises:
        EditRefused: YAML has no word for it.
    """
    if isinstance(value, str):
        return _wanted_text(value, old)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, list | tuple):
        return [wanted(one, None) for one in value]
    if isinstance(value, dict):
        for key in value:
            if not (key is None or type(key) in (str, int, bool)):
                raise EditRefused(f"a key of type {type(key).__name__} cannot be written as YAML")
        return {key: wanted(one, None) for key, one in value.items()}
    raise EditRefused(f"a value of type {type(value).__name__} cannot be written as YAML")


def _wanted_text(value: str, old: Value) -> str:
    if isinstance(value, TaggedText):
        return value
    text = str(value)
    if isinstance(old, TaggedText):
        if old.tag == TAG + "binary" and not _is_base64(text):
            raise EditRefused("a value that is tagged !!binary holds base64 only")
        if old.tag not in _IMPLICIT_TAGS:
            return TaggedText(text, old.tag)
        read = plain_value(text)
        if isinstance(read, TaggedText) and read.tag == old.tag:
            return read
    return text


def _is_base64(text: str) -> bool:
    try:
        base64.b64decode("".join(text.split()), validate=True)
    except ValueError:
        return False
    return True


def scalar_texts(value: Value, mark: str, quote: str, *, flow: bool, old: str = "") -> list[str]:
    """One-line ways to write a scalar, the best first.

    `mark` is the wanted quotation mark (empty: plain where that reads back), `quote` the one for
    text that cannot be plain. `old` is the token that it takes the place of, whose way of writing
    is kept: `on` begets `off`, `1.0E8` begets `2.5E8`, `"\\u00a7a"` begets `"\\u00a7b"`.
    """
    if isinstance(value, TaggedText) and value.tag in _IMPLICIT_TAGS:
        return [str(value)]
    if isinstance(value, str):
        written = _text_texts(value, mark, quote, flow=flow)
        if mark == '"' and old[:1] == mark:
            kept = [with_kept_ends(old, _escaped_like(old, one)) for one in written]
            # Blanks at the end of one of its lines would not be read: then all of it anew.
            return kept + written if "\n" in old or "\r" in old else kept
        return written
    if value is None:
        return ["null"]
    if isinstance(value, bool):
        return [_boolean(value, old)]
    if isinstance(value, int):
        try:
            return [int_text(value, old)]
        except ValueError:
            raise EditRefused("the number has too many digits") from None
    return [_float(value, old)]


def _text_texts(text: str, mark: str, quote: str, *, flow: bool) -> list[str]:
    text, found = str(text), []
    if mark == "" and can_be_plain(text, flow=flow):
        found.append(text)
    if (mark or quote) == "'" and not _NOT_RAW.search(text):
        found.append("'" + text.replace("'", "''") + "'")
    found.append('"' + _TO_ESCAPE.sub(_escaped, text) + '"')
    return found


def _escaped(match: re.Match[str]) -> str:
    character = match.group()
    if character in _ESCAPES:
        return _ESCAPES[character]
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def can_be_plain(text: str, *, flow: bool) -> bool:
    """Whether `text` without quotes reads back as this text, as a value or as a key."""
    first = text[:1]
    if not first or first in _NEVER_FIRST or first in " \t" or text[-1] in " \t:":
        return False
    if first in "-?:" and (text[1:2] in ("", " ") or text.startswith("---")):
        return False
    if text.startswith("...") or text in ("=", "<<") or "\t" in text:
        return False
    if ": " in text or " #" in text or _NOT_RAW.search(text):
        return False
    if flow and (not _FLOW_SIGNS.isdisjoint(text) or first in "-?:"):
        return False
    return type(plain_value(text)) is str and not TYPED_BY_OTHERS.fullmatch(text)


def _escaped_like(old: str, written: str) -> str:
    """Escape what is not ASCII if the old token did so."""
    escape = _NON_ASCII_ESCAPE.search(old)
    if escape is None or not old.isascii() or written.isascii():
        return written
    upper = re.search(r"[A-F]", escape.group()) is not None
    in_halves = _HALF_ESCAPE.search(old) is not None

    def as_escape(match: re.Match[str]) -> str:
        code = ord(match.group())
        short = escape.group()[1] == "x" and code < 0x100
        if code > 0xFFFF and in_halves:
            halves = (0xD7C0 + (code >> 10), 0xDC00 + (code & 0x3FF))
            return "".join(f"\\u{half:04{'X' if upper else 'x'}}" for half in halves)
        kind, width = ("x", 2) if short else ("u", 4) if code < 0x10000 else ("U", 8)
        return f"\\{kind}{code:0{width}{'X' if upper else 'x'}}"

    return re.sub(r"[^\x00-\x7f]", as_escape, written)


def one_spelling(booleans: list[str]) -> str:
    """One of these words for true and false, if the others are of its pair and case; else empty."""
    return booleans[0] if len({_boolean(True, word) for word in booleans}) == 1 else ""


def _boolean(value: bool, old: str) -> str:
    word = old.strip("'\"")
    if word in BOOLEANS:
        for pair in (("true", "false"), ("yes", "no"), ("on", "off")):
            if word.lower() in pair:
                new = pair[0] if value else pair[1]
                return new.upper() if word.isupper() else new.title() if word[0].isupper() else new
    return "true" if value else "false"


def _float(value: float, old: str) -> str:
    if math.isfinite(value):
        mantissa, exponent, power = float_text(value, old).partition("e")
        # Without the point it is text to PyYAML.
        return mantissa + (".0" if exponent and "." not in mantissa else "") + exponent + power
    return repr(value).replace("inf", ".inf").replace("nan", ".nan")


def block_scalar(
    text: str, header: str, indent: int, parent_indent: int, newline: str
) -> str | None:
    """`text` as a literal or folded block, or None if such a block cannot hold it.

    `header` is the line it begins with (`|`, `>-`, `|2+ # comment`): its sign, its indentation
    figure and its comment are kept where they can be. `indent` is the column of the content.
    """
    match = _BLOCK_HEADER.match(header)
    lines = text.split("\n")
    if match is None or NOT_IN_BLOCK.search(text) or not text.strip("\n"):
        return None
    sign, figures, rest = match.groups()
    ends = len(lines) - len(text.rstrip("\n").split("\n"))
    if ends > 1:
        return None
    content = lines[:-1] if ends else lines
    if sign == ">":
        if any(line[:1] in ("", " ", "\t") for line in content):
            sign = "|"
        else:
            content = [part for line in content for part in ("", line)][1:]
    figure = "".join(character for character in figures if character.isdigit())
    if not figure and content[0][:1] in (" ", ""):
        figure = str(indent - parent_indent)
    written = [sign + figure + ("" if ends else "-") + rest]
    written += [" " * indent + line if line else "" for line in content]
    return newline.join(written)


def key_text(segment: KeySegment, quote: str, *, flow: bool = False, mark: str = "") -> str:
    """A mapping's key as text that reads back as `segment`.

    Raises:
        EditRefused: too long for a key.
    """
    text = scalar_texts(segment, mark, quote, flow=flow)[0]
    if len(text) > _LONGEST_KEY:
        raise EditRefused(f"a key of more than {_LONGEST_KEY:,} characters")
    return text


def flow_text(value: Value, style: Style) -> str:
    """Any value on one line, in braces and brackets."""
    if isinstance(value, dict):
        entries = (
            f"{key_text(key, style.quote, flow=True)}: {flow_text(one, style)}"
            for key, one in value.items()
        )
        return "{" + ", ".join(entries) + "}"
    if isinstance(value, list):
        pad = style.pad if value else ""
        return "[" + pad + ", ".join(flow_text(one, style) for one in value) + pad + "]"
    return _new_scalar(value, style, flow=True)


def entry_lines(segment: KeySegment, value: Value, column: int, style: Style) -> list[str]:
    """The lines of `segment: value` in a block mapping whose keys stand at `column`."""
    head = " " * column + key_text(segment, style.key or style.quote, mark=style.key) + ":"
    if style.flow_lists and is_list_of_scalars(value):
        return [f"{head} {flow_text(value, style)}"]
    if isinstance(value, dict) and value:
        below = style._replace(key=style.key_below)
        return [head, *block_lines(value, column + style.step, below)]
    if isinstance(value, list) and value:
        return [head, *block_lines(value, column + style.list_step, style)]
    return _headed(head, value, column + style.step, column, style)


def is_list_of_scalars(value: Value) -> bool:
    """Whether a list fits into brackets on one line without becoming hard to read."""
    return (
        isinstance(value, list)
        and bool(value)
        and not any(isinstance(one, dict | list) or "\n" in str(one) for one in value)
    )


def block_lines(value: Value, column: int, style: Style) -> list[str]:
    """The lines of a list or mapping that is not empty, in block style at `column`."""
    if isinstance(value, dict):
        return [line for key, one in value.items() for line in entry_lines(key, one, column, style)]
    return [line for one in value for line in item_lines(one, column, style)]


def item_lines(value: Value, column: int, style: Style) -> list[str]:
    """The lines of one list item whose dash stands at `column`."""
    head = " " * column + "-"
    if isinstance(value, dict | list) and value and not style.flow_items:
        first, *rest = block_lines(value, column + 2, style)
        return [head + " " + first[column + 2 :], *rest]
    return _headed(head, value, column + style.step, column, style)


def _headed(head: str, value: Value, indent: int, parent: int, style: Style) -> list[str]:
    if style.blocks and isinstance(value, str) and "\n" in value.strip("\n"):
        block = block_scalar(value, "|", indent, parent, "\n")
        if block is not None:
            return f"{head} {block}".split("\n")
    if isinstance(value, dict | list):
        return [f"{head} {flow_text(value, style)}"]
    return [f"{head} {_new_scalar(value, style, flow=False)}"]


def _new_scalar(value: Value, style: Style, *, flow: bool) -> str:
    like = style.boolean if isinstance(value, bool) else ""
    return scalar_texts(value, style.text, style.quote, flow=flow, old=like)[0]
