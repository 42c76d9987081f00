"""Writers that lay one tree of values out in many ways, as people and programs do.

`usual` documents write every value in the one way that an edit would write it, so that an edit and
its reverse must give the same bytes; the others use whatever the format allows.
"""

from __future__ import annotations

import json
import random
import re
from typing import Any

WORD = re.compile(r"[A-Za-z][A-Za-z_]*\Z")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+\Z")


class Layout:
    """What one file does alike everywhere, and the chance that picks the rest."""

    line_comments: tuple[str, ...] = ("# {}",)

    def __init__(self, seed: int, *, usual: bool) -> None:
        self.chance = random.Random(seed)  # noqa: S311  (no secret: a layout)
        self.usual = usual
        self.newline = self.chance.choice(("\n", "\n", "\r\n"))
        self.unit = self.chance.choice(("  ", "    ", "\t"))

    def maybe(self, probability: float = 0.3) -> bool:
        return self.chance.random() < probability

    def odd(self, probability: float = 0.3) -> bool:
        """Whether something is written in a way that no edit of ours would choose."""
        return not self.usual and self.maybe(probability)

    def pick(self, *choices: str) -> str:
        return self.chance.choice(choices)

    def noise(self, indent: str = "") -> list[str]:
        """Lines that mean nothing: blank ones and comments, with what trips careless readers."""
        if not self.line_comments or not self.maybe(0.2):
            return [""] if self.maybe(0.1) else []
        text = self.pick("a: 1", "é\u00a0\t{ [ ' \"", "key = value", "", "}")
        return [indent + self.chance.choice(self.line_comments).format(text)]

    def file(self, lines: list[str]) -> bytes:
        text = self.newline.join(lines)
        if self.maybe(0.8) and text:
            text += self.newline
        return text.encode("utf-8-sig" if self.maybe(0.2) else "utf-8")


class Json(Layout):
    """Strict JSON: compact, spaced, or one member a line."""

    line_comments: tuple[str, ...] = ()
    opening_gap = ""
    bare_words = False

    def document(self, tree: Any) -> bytes:
        return self.file([*self.noise(), self.value(tree, ""), *self.noise()])

    def value(self, value: Any, indent: str) -> str:
        if isinstance(value, dict):
            deeper = indent + self.unit
            members = [
                self.key(key) + self.colon(member) + self.value(member, deeper)
                for key, member in value.items()
            ]
            return self.enclosed("{", members, "}", indent)
        if isinstance(value, list):
            items = [self.value(item, indent + self.unit) for item in value]
            return self.enclosed("[", items, "]", indent)
        return self.scalar(value)

    def enclosed(self, opening: str, members: list[str], closing: str, indent: str) -> str:
        if not members:
            return opening + self.pick("", " ") + closing
        if self.maybe(0.4):
            pad = self.pick("", " ")
            return opening + pad + self.pick(",", ", ", " , ").join(members) + pad + closing
        deeper = indent + self.unit
        lines = [opening + self.behind_opening()]
        for index, member in enumerate(members):
            lines += self.noise(deeper)
            lines.append(deeper + member + self.between(index == len(members) - 1))
        lines += self.noise(deeper)
        return self.newline.join([*lines, indent + closing])

    def behind_opening(self) -> str:
        return self.pick("", "", " ")

    def between(self, last: bool) -> str:
        return "" if last else self.pick(",", ",", " ,")

    def colon(self, value: Any) -> str:
        return self.pick(": ", ":", " : ")

    def key(self, key: str) -> str:
        return json.dumps(key, ensure_ascii=self.odd())

    def scalar(self, value: Any) -> str:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, float) and self.odd():
            return f"{value:.17e}"
        return json.dumps(value)

    def text(self, value: str) -> str:
        return json.dumps(value, ensure_ascii=self.odd())


class Json5(Json):
    """What JSON5, JSONC and lenient readers accept beside it."""

    line_comments = ("// {}", "# {}", "/* {} */")

    def behind_opening(self) -> str:
        return self.pick("", " // c", " /* , */")

    def between(self, last: bool) -> str:
        comma = self.pick("", ",") if last else self.pick(",", " ,")
        return comma + self.pick("", "", " // why, {", " /* } */ ")

    def key(self, key: str) -> str:
        if WORD.match(key) and self.maybe():
            return key
        return self.quoted(key)

    def scalar(self, value: Any) -> str:
        if type(value) is int and self.odd():
            return ("-" if value < 0 else self.pick("", "+")) + hex(abs(value))
        return super().scalar(value)

    def text(self, value: str) -> str:
        return self.quoted(value)

    def quoted(self, value: str) -> str:
        token = json.dumps(value, ensure_ascii=self.odd())
        if self.maybe():
            return "'" + token[1:-1].replace('\\"', '"').replace("'", "\\'") + "'"
        return token


class Hocon(Json):
    """HOCON with and without outer braces, dotted keys, line ends for commas."""

    line_comments = ("# {}", "// {}")

    def document(self, tree: Any) -> bytes:
        if self.maybe():
            return super().document(tree)
        lines: list[str] = []
        for key, value in tree.items():
            lines += [*self.noise(), self.pair(key, value) + self.between(False)]
        return self.file([*lines, *self.noise()])

    def pair(self, key: str, value: Any) -> str:
        written = self.key(key)
        while isinstance(value, dict) and len(value) == 1 and self.odd():
            ((below, value),) = value.items()
            written += "." + self.key(below)
        return written + self.colon(value) + self.value(value, "")

    def between(self, last: bool) -> str:
        return self.pick("", "", ",", " # c, }", " // {")

    def colon(self, value: Any) -> str:
        if isinstance(value, dict):
            return self.pick(" ", "", " = ", ": ")
        return self.pick(" = ", "=", ": ", " : ")

    def key(self, key: str) -> str:
        if _BARE_KEY.match(key) and self.maybe(0.7):
            return key
        return json.dumps(key, ensure_ascii=self.odd())

    def text(self, value: str) -> str:
        if WORD.match(value) and value not in ("true", "false", "null") and self.maybe(0.5):
            return value
        if '"' not in value and "\r" not in value and self.maybe(0.2):
            return f'"""{value}"""'
        return json.dumps(value, ensure_ascii=self.odd())


class Toml(Layout):
    """TOML: dotted keys, sections, lists of tables, inline tables, every kind of string."""

    def document(self, tree: dict[str, Any]) -> bytes:
        return self.file([*self.noise(), *self.table(tree, []), *self.noise()])

    def table(self, tree: dict[str, Any], name: list[str]) -> list[str]:
        indent = self.pick("", self.unit) if name else ""
        lines: list[str] = []
        below: list[tuple[str, Any]] = []
        for key, value in tree.items():
            tables = isinstance(value, list) and value and all(type(v) is dict for v in value)
            if (isinstance(value, dict) or tables) and self.maybe(0.7):
                below.append((key, value))
            else:
                lines += self.noise(indent) + self.assignment(key, value, indent)
        for key, value in below:
            inner = [*name, self.key(key)]
            header = ".".join(inner)
            if isinstance(value, dict):
                lines += [f"[{header}]{self.trail()}", *self.table(value, inner)]
            else:
                for item in value:
                    lines += [f"[[{header}]]{self.trail()}", *self.table(item, inner)]
        return lines

    def assignment(self, key: str, value: Any, indent: str) -> list[str]:
        written = self.key(key)
        if isinstance(value, dict) and value and self.odd():
            return [
                f"{indent}{written}.{self.key(below)} = {self.value(member)}{self.trail()}"
                for below, member in value.items()
            ]
        return [
            indent + written + self.pick(" = ", "=", "  =  ") + self.value(value) + self.trail()
        ]

    def trail(self) -> str:
        return self.pick("", "", "", "  ", " # c = 1", "\t# [x]")

    def value(self, value: Any) -> str:
        if isinstance(value, dict):
            pairs = [f"{self.key(k)} = {self.value(v)}" for k, v in value.items()]
            return "{ " + ", ".join(pairs) + " }" if pairs else "{}"
        if isinstance(value, list):
            items = [self.value(item) for item in value]
            if items and self.maybe():
                between = self.newline + self.unit
                closing = self.pick("", ",") + self.newline + "]"
                return "[" + between + ("," + between).join(items) + closing
            return "[" + self.pick(", ", ",").join(items) + "]"
        if isinstance(value, str):
            return self.text(value)
        if type(value) is int and value >= 0 and self.odd():
            return self.pick(hex(value), f"{value:_}", f"+{value}", bin(value))
        return repr(value).lower() if isinstance(value, bool) else repr(value)

    def text(self, value: str) -> str:
        printable = value.isprintable()
        if printable and "'" not in value and self.maybe():
            return f"'{value}'"
        if printable and not value.startswith("'") and "''" not in value and self.odd(0.2):
            return f"'''{self.newline}{value}'''" if not value.endswith("'") else _basic(value)
        if self.odd(0.2):
            return f'""{_basic(value)}""'
        return _basic(value)

    def key(self, key: str) -> str:
        if _BARE_KEY.match(key) and self.maybe(0.7):
            return key
        return _basic(key) if "'" in key or not key.isprintable() or self.maybe() else f"'{key}'"


def _basic(text: str) -> str:
    """A JSON string is a basic string of TOML, if DEL is escaped too."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007F")


class Properties(Layout):
    """`key=value` with every separator, escape and continuation that Java reads."""

    line_comments = ("#{}", "! {}", "  # {}")

    def document(self, tree: dict[str, str]) -> bytes:
        lines: list[str] = []
        for key, value in tree.items():
            indent = self.pick("", "", "  ")
            written = "".join(self.character(c, ":=#! ") for c in key)
            text = "".join(self.character(c, ":=#!" if self.odd() else "") for c in value)
            if value[:1] in (" ", ":", "="):
                text = "\\" + text.removeprefix("\\")
            separator = self.pick("=", " = ", ":", ": ", " ")
            if self.odd(0.1) and len(key) > 1:
                separator += "\\" + self.newline + "   "
            lines += [*self.noise(), indent + written + separator + text]
        return self.file([*lines, *self.noise()])

    def character(self, character: str, escaped: str) -> str:
        named = {"\t": "\\t", "\n": "\\n", "\r": "\\r", "\f": "\\f", "\\": "\\\\"}
        if character in named:
            return named[character]
        if character in escaped:
            return "\\" + character
        if not character.isascii() and self.odd():
            units = character.encode("utf-16-be").hex()
            return "".join("\\u" + units[i : i + 4] for i in range(0, len(units), 4))
        return "\\" + character if character in "xyz" and self.odd(0.1) else character


class ForgeCfg(Layout):
    """Typed properties and lists in categories."""

    def document(self, tree: dict[str, Any]) -> bytes:
        head = ["# Configuration file", ""] if self.maybe(0.7) else []
        return self.file([*head, *self.category(tree, "")])

    def category(self, tree: dict[str, Any], indent: str) -> list[str]:
        lines: list[str] = []
        for key, value in tree.items():
            name = key if WORD.match(key) and self.maybe(0.7) else f'"{key}"'
            lines += self.noise(indent)
            if isinstance(value, dict):
                inside = self.category(value, indent + self.unit)
                lines += [f"{indent}{name} {{", *inside, indent + "}"]
            elif isinstance(value, list):
                letter = self.letter(value[0]) if value else "S"
                items = [indent + self.unit + self.text(item) for item in value]
                lines += [f"{indent}{letter}:{name} <", *items, indent + " >"]
            else:
                lines.append(f"{indent}{self.letter(value)}:{name}={self.text(value)}")
        return lines

    def letter(self, value: Any) -> str:
        return {bool: "B", int: "I", float: "D", str: "S"}[type(value)]

    def text(self, value: Any) -> str:
        return str(value).lower() if isinstance(value, bool) else str(value)


class Kvp(Layout):
    """AMP's `Key=Value` lines."""

    line_comments = ("#{}",)

    def document(self, tree: dict[str, str]) -> bytes:
        lines: list[str] = []
        for key, value in tree.items():
            lines += [*self.noise(), f"{key}={value}"]
        return self.file([*lines, *self.noise()])


class Ini(Layout):
    """Sections of `key = value` lines, some keys above all sections."""

    line_comments = ("; {}", "#{}")

    def document(self, tree: dict[str, Any]) -> bytes:
        lines = [line for key, value in tree.items() for line in self.pair(key, value)]
        return self.file([*lines, *self.noise()])

    def pair(self, key: str, value: Any) -> list[str]:
        if isinstance(value, dict):
            header = f"[{key}]" + self.pick("", "", "  ", " ; c")
            return [header, *(line for pair in value.items() for line in self.pair(*pair))]
        separator = self.pick("=", " = ", ": ", "  =")
        return [*self.noise(), key + separator + value + self.pick("", "", "  ")]
