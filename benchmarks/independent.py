"""Readers that share no code with the engine, to check its edits by.

Each returns the file's settings as nested dicts and lists, typed where the format is.
"""

from __future__ import annotations

import configparser
import itertools
import json
import re
import tomllib
from collections.abc import Callable, Iterator
from typing import Any

import yaml


class _ServerLoader(yaml.CSafeLoader):
    """PyYAML, made to agree with SnakeYAML: `=` is text, exponents need no sign."""


class _Tagged(str):
    """Text that stood behind a tag, so that it differs from plain text."""


def _without_equals() -> dict[str, list[tuple[str, re.Pattern[str]]]]:
    return {
        first: [(tag, pattern) for tag, pattern in known if tag != "tag:yaml.org,2002:value"]
        for first, known in yaml.CSafeLoader.yaml_implicit_resolvers.items()
    }


_ServerLoader.yaml_implicit_resolvers = _without_equals()
_ServerLoader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?[0-9][0-9_]*(?:\.[0-9_]*)?[eE][-+]?[0-9]+$"),
    list("-+0123456789"),
)


def _scalar_text(_loader: Any, node: Any) -> _Tagged:
    return _Tagged(f"{node.tag} {node.value}")


def _unknown(loader: Any, _suffix: str, node: Any) -> Any:
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return _scalar_text(loader, node)


_ServerLoader.add_constructor("tag:yaml.org,2002:timestamp", _scalar_text)
_ServerLoader.add_constructor("tag:yaml.org,2002:binary", _scalar_text)
_ServerLoader.add_multi_constructor("!", _unknown)


def _text(data: bytes) -> str:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16")
    # Undecodable bytes must stay distinct, and libyaml refuses surrogates.
    escaped = data.decode("utf-8-sig", "surrogateescape")
    return escaped.translate({0xDC00 + byte: 0xF1000 + byte for byte in range(0x80, 0x100)})


def _read_yaml(data: bytes) -> Any:
    return next(yaml.load_all(_text(data), _ServerLoader), None)


def _read_json(data: bytes) -> Any:
    return json.loads(_text(data), strict=False)


def _read_toml(data: bytes) -> Any:
    return tomllib.loads(_text(data))


def _read_properties(data: bytes) -> Any:
    import javaproperties  # noqa: PLC0415  (a bench tool, not everyone has it)

    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    return dict(javaproperties.loads(text))


_APPENDED = re.compile(r"^([ \t]*[\w.-]+)[ \t]*\+=", re.MULTILINE)


def _read_hocon(data: bytes) -> Any:
    """As pyhocon does, but for `a += 1`, which HOCON defines as `a = ${?a} [1]`.

    pyhocon lets the last one win instead; so each is given to it under a key of its own.
    """
    import pyhocon  # noqa: PLC0415  (a bench tool, not everyone has it)

    number = itertools.count(1)
    text = _APPENDED.sub(lambda found: f"{found[1]}__{next(number)} =", _text(data))
    return _plain(pyhocon.ConfigFactory.parse_string(text, resolve=False))


def _plain(tree: Any) -> Any:
    if isinstance(tree, dict):
        return {key.strip('"'): _plain(value) for key, value in tree.items()}
    if isinstance(tree, list):
        return [_plain(one) for one in tree]
    return tree if isinstance(tree, str | int | float | bool | None) else str(tree)


def _read_kvp(data: bytes) -> Any:
    lines = (line for line in _text(data).splitlines() if line.strip()[:1] not in ("", "#", ";"))
    return {key.strip(): value for key, _, value in (line.partition("=") for line in lines)}


def _read_ini(data: bytes) -> Any:
    parser = configparser.RawConfigParser(strict=False, allow_no_value=True)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # as its manual says
    parser.read_string("[\x01]\n" + _text(data))
    return {section: dict(parser.items(section)) for section in parser.sections()}


_FORGE_ENTRY = re.compile(r'^[ \t]*([BIDSC]):("[^"]*"|[^"=<]+?)[ \t]*([=<])(.*)$')


def _read_forge_cfg(data: bytes) -> Any:
    """Typed entries below their categories; lists as the lines between `<` and `>`."""
    root: dict[str, Any] = {}
    stack = [root]
    lines = iter(_text(data).splitlines())
    for line in lines:
        entry = _FORGE_ENTRY.match(line)
        if entry and entry[3] == "=":
            stack[-1][f"{entry[1]}:{entry[2]}"] = entry[4]
        elif entry:
            stack[-1][f"{entry[1]}:{entry[2]}"] = list(iter(lambda: next(lines).strip(), ">"))
        elif line.strip().endswith("{") and not line.strip().startswith("#"):
            below: dict[str, Any] = {}
            stack[-1][line.strip()[:-1].strip()] = below
            stack.append(below)
        elif line.strip() == "}":
            stack.pop()
    return root


READERS: dict[str, Callable[[bytes], Any]] = {
    "yaml": _read_yaml,
    "json": _read_json,
    "toml": _read_toml,
    "properties": _read_properties,
    "hocon": _read_hocon,
    "kvp": _read_kvp,
    "ini": _read_ini,
    "forge_cfg": _read_forge_cfg,
}

ABSENT = "(absent)"


def differences(before: Any, after: Any, path: tuple[Any, ...] = ()) -> Iterator[Any]:
    """Every place where two trees differ, as (path, before, after), strict in type."""
    if type(before) is not type(after):
        yield path, before, after
    elif isinstance(before, dict):
        if list(before) != list(after):
            for key in [*before, *(key for key in after if key not in before)]:
                if key not in before or key not in after:
                    yield (*path, key), before.get(key, ABSENT), after.get(key, ABSENT)
        for key in before:
            if key in after:
                yield from differences(before[key], after[key], (*path, key))
    elif isinstance(before, list):
        if len(before) != len(after):
            yield path, before, after
        else:
            for index, (one, other) in enumerate(zip(before, after, strict=True)):
                yield from differences(one, other, (*path, index))
    elif repr(before) != repr(after):
        yield path, before, after
