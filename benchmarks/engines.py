"""The engines that a sweep can run: ours, and the libraries it is compared with.

An engine takes a file's name and bytes once and answers with a function that sets one value. It
raises `Refused` where it says that it cannot; any other exception is counted as a refusal, too.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from homeamp_agent.configfiles import EditRefused, KeyPath, Value, parse

NPM_FOLDER = "HOMEAMP_BENCH_NPM"
"""The environment variable that names a folder with npm's `yaml` in its `node_modules`."""

Setter = Callable[[KeyPath, Value], bytes]


class Refused(Exception):
    """The engine will not make this edit."""


def _ours(file: str, data: bytes) -> Setter:
    document = parse(file, data)

    def set_value(path: KeyPath, value: Value) -> bytes:
        try:
            return document.set(path, value)
        except EditRefused as error:
            raise Refused(error.reason) from error

    return set_value


def _descend(tree: Any, path: KeyPath) -> Any:
    for segment in path:
        tree = tree[segment]
    return tree


def _yaml_edit(_file: str, data: bytes) -> Setter:
    import yaml_edit  # noqa: PLC0415  (a bench tool, not everyone has it)

    text = data.decode("utf-8")

    def set_value(path: KeyPath, value: Value) -> bytes:
        document = yaml_edit.Document.parse(text)
        root: Any = document
        if isinstance(path[0], int) and document.as_sequence() is not None:
            root = document.as_sequence()
        parent = root
        for segment in path[:-1]:
            node = parent[segment]
            parent = node.as_mapping() if node.is_mapping() else node.as_sequence()
        parent[path[-1]] = value
        return str(document).encode()

    return set_value


def _ruamel(_file: str, data: bytes) -> Setter:
    from ruamel.yaml import YAML  # noqa: PLC0415  (a bench tool, not everyone has it)

    def set_value(path: KeyPath, value: Value) -> bytes:
        round_trip = YAML(typ="rt")
        round_trip.preserve_quotes = True
        round_trip.width = 1_000_000
        tree = round_trip.load(data)
        _descend(tree, path[:-1])[path[-1]] = value
        written = io.BytesIO()
        round_trip.dump(tree, written)
        return written.getvalue()

    return set_value


def _tomlkit(_file: str, data: bytes) -> Setter:
    import tomlkit  # noqa: PLC0415  (a bench tool, not everyone has it)

    text = data.decode("utf-8")

    def set_value(path: KeyPath, value: Value) -> bytes:
        document = tomlkit.parse(text)
        _descend(document, path[:-1])[path[-1]] = value
        return str(tomlkit.dumps(document)).encode()

    return set_value


def _javaproperties(_file: str, data: bytes) -> Setter:
    import javaproperties  # noqa: PLC0415  (a bench tool, not everyone has it)

    text = data.decode("utf-8")

    def set_value(path: KeyPath, value: Value) -> bytes:
        properties = javaproperties.PropertiesFile.loads(text)
        properties[".".join(map(str, path))] = value
        return str(javaproperties.PropertiesFile.dumps(properties)).encode()

    return set_value


def _pyhocon(_file: str, data: bytes) -> Setter:
    import pyhocon  # noqa: PLC0415  (a bench tool, not everyone has it)

    text = data.decode("utf-8")

    def set_value(path: KeyPath, value: Value) -> bytes:
        tree = pyhocon.ConfigFactory.parse_string(text, resolve=False)
        parent: Any = tree
        for segment in path[:-1]:
            parent = parent[f'"{segment}"' if isinstance(segment, str) else segment]
        parent[path[-1]] = value
        return str(pyhocon.HOCONConverter.to_hocon(tree)).encode()

    return set_value


@cache
def _npm() -> subprocess.Popen[str]:
    folder = os.environ.get(NPM_FOLDER)
    if not folder:
        raise Refused(f"set {NPM_FOLDER} to a folder in which `npm install yaml` was run")
    script = str(Path(__file__).with_name("npm_yaml.mjs"))
    return subprocess.Popen(
        ["node", script, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def _npm_yaml(way: str) -> Callable[[str, bytes], Setter]:
    def setter_of(_file: str, data: bytes) -> Setter:
        text = data.decode("utf-8")
        process = _npm()
        assert process.stdin is not None
        assert process.stdout is not None
        requests, answers = process.stdin, process.stdout

        def set_value(path: KeyPath, value: Value) -> bytes:
            request = {"way": way, "text": text, "path": path, "value": value}
            requests.write(json.dumps(request) + "\n")
            requests.flush()
            answer = json.loads(answers.readline())
            if "error" in answer:
                raise Refused(answer["error"])
            return str(answer["text"]).encode()

        return set_value

    return setter_of


ENGINES: dict[str, tuple[Callable[[str, bytes], Setter], frozenset[str] | None]] = {
    "ours": (_ours, None),
    "yaml-edit": (_yaml_edit, frozenset({"yaml"})),
    "ruamel": (_ruamel, frozenset({"yaml"})),
    "npm-yaml-tokens": (_npm_yaml("tokens"), frozenset({"yaml"})),
    "npm-yaml-document": (_npm_yaml("document"), frozenset({"yaml"})),
    "tomlkit": (_tomlkit, frozenset({"toml"})),
    "javaproperties": (_javaproperties, frozenset({"properties"})),
    "pyhocon": (_pyhocon, frozenset({"hocon"})),
}
"""Each engine with the formats it edits (None: all)."""
