"""Which format a file is in: by its name where that is true, by its content where the name lies.

`.conf` holds HOCON, AMP's settings, Forge's, YAML or a web server's; `.cfg` Forge's or INI; `.txt`
is YAML in dynmap's case. JSON below a YAML name is YAML, which includes it.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable
from pathlib import PurePath
from typing import Final

from homeamp_agent.configfiles.document import Document, Limits
from homeamp_agent.configfiles.errors import ConfigFileError

SNIFFED_BYTES = 256 * 1024
"""How much of a file is looked at: real ones begin with up to 9,308 comment lines."""

_READERS: Final = {
    "yaml": ("yaml_document", "YamlDocument"),
    "json": ("json_document", "JsonDocument"),
    "toml": ("toml_document", "TomlDocument"),
    "properties": ("properties_document", "PropertiesDocument"),
    "hocon": ("hocon_document", "HoconDocument"),
    "forge_cfg": ("forge_cfg_document", "ForgeCfgDocument"),
    "kvp": ("kvp_document", "KvpDocument"),
    "ini": ("ini_document", "IniDocument"),
}

_BY_EXTENSION: Final = {
    ".yml": "yaml",
    ".yaml": "yaml",
    ".json": "json",
    ".json5": "json",
    ".jsonc": "json",
    ".mcmeta": "json",
    ".toml": "toml",
    ".properties": "properties",
    ".lang": "properties",
    ".hocon": "hocon",
    ".kvp": "kvp",
    ".ini": "ini",
}

# Possessive throughout: lines are hostile too, and blanks must never be counted twice.
_COMMENT_OR_BLANK = re.compile(r"[ \t]*+(?:[#;~].*|//.*|$)")
_FORGE_TYPED = re.compile(r"""[ \t]*+[BIDSC]:(?:"[^"]*+"|[^\s"=<:]++)[ \t]*+(?:=|<[ \t]*+$)""")
_FORGE_BANNER = re.compile(r"# Configuration file[ \t]*+$")
_SECTION = re.compile(r"[ \t]*+\[[^\[\]\"',]*+\][ \t]*+(?:[#;].*)?$")
_BRACE_BLOCK = re.compile(
    r"""[ \t]*+(?:"[^"]*+"|[\w.$-]++)[ \t]*+[:=]?[ \t]*+[{\[][ \t]*+(?:[#/].*)?$"""
)
_ASSIGNED = re.compile(r"""[ \t]*+(?:"[^"]*+"|[^\s=:{}"#]++)[ \t]*+=""")
_ONE_LINE_VALUE = re.compile(r"[^\s=:{}\"#]++=[^{\[]*+$")
_COLON = re.compile(
    r"""[ \t]*+(?:- |"[^"]*+"[ \t]*+:|'[^']*+'[ \t]*+:|[^\s=:{}"#][^={}"#]*:(?:[ \t]|$))"""
)
_WEB_SERVER = re.compile(
    r"[ \t]*+(?:(?:server|http|events)[ \t]*+|(?:upstream|location)\b.*)\{[ \t]*+$"
)
_APACHE_END = re.compile(r"[ \t]*+</[A-Z]\w++>[ \t]*+$")
_DIRECTIVE = re.compile(r"[ \t]*+[A-Za-z_]\w*+[ \t]++[^=:{]*;[ \t]*+(?:#.*)?$")


def format_of(file: str, data: bytes) -> str:
    """The format of `data`, the bytes of `file`; see `Document.format` for the names.

    Raises:
        ConfigFileError: neither name nor content is one of a format that is read here.
    """
    path = PurePath(file.replace("\\", "/"))
    extension = path.suffix.lower()
    if path.name.lower() == "ampconfig.conf":
        return "kvp"
    by_name = _BY_EXTENSION.get(extension)
    if by_name is not None:
        return by_name
    lines = _telling_lines(data)
    if extension == ".conf":
        return _format_of_conf(file, lines)
    if extension == ".cfg":
        return _format_of_cfg(lines)
    return _format_by_content(file, lines)


def reader_for(format: str) -> Callable[[str, bytes, Limits], Document]:
    """The reader of a format, imported only now."""
    module, name = _READERS[format]
    reader: Callable[[str, bytes, Limits], Document] = getattr(
        importlib.import_module(f"homeamp_agent.configfiles.{module}"), name
    )
    return reader


def _telling_lines(data: bytes) -> list[str]:
    """The lines that are neither blank nor comment; a Forge banner stays, since it tells."""
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    text = data[:SNIFFED_BYTES].decode(encoding, "replace")
    return [
        line
        for line in text.splitlines()
        if _FORGE_BANNER.match(line) or not _COMMENT_OR_BLANK.match(line)
    ]


def _format_of_conf(file: str, lines: list[str]) -> str:
    if _is_web_server(lines):
        raise ConfigFileError(file, "a web server's configuration, which is not read here")
    if _is_forge(lines):
        return "forge_cfg"
    if not lines:
        return "hocon"
    if all(_ONE_LINE_VALUE.match(line) and not line[:1].isspace() for line in lines) and any(
        _is_amp_value(line) for line in lines
    ):
        return "kvp"
    if _SECTION.match(lines[0]) and any(_ASSIGNED.match(line) for line in lines[1:]):
        return "ini"
    return "yaml" if _is_yaml(lines) else _hocon_or_nothing(file, lines)


def _format_of_cfg(lines: list[str]) -> str:
    if _is_forge(lines):
        return "forge_cfg"
    if any(_SECTION.match(line) for line in lines):
        return "ini"
    if any(_BRACE_BLOCK.match(line) for line in lines):
        return "hocon" if any(_ASSIGNED.match(line) for line in lines) else "forge_cfg"
    if lines and lines[0].lstrip().startswith("{"):
        return "json"
    return "yaml" if _is_yaml(lines) and not any(_ASSIGNED.match(line) for line in lines) else "ini"


def _format_by_content(file: str, lines: list[str]) -> str:
    if _is_forge(lines):
        return "forge_cfg"
    if not lines:
        raise ConfigFileError(file, "neither its name nor its content tells a format")
    if lines[0].lstrip()[:1] in ("{", "[") and not _SECTION.match(lines[0]):
        return "json"
    if _SECTION.match(lines[0]) and len(lines) > 1 and _ASSIGNED.match(lines[1]):
        return "ini"
    if _is_yaml(lines):
        return "yaml"
    if all(_ASSIGNED.match(line) for line in lines):
        return "properties"
    raise ConfigFileError(file, "neither its name nor its content tells a format", 1)


def _hocon_or_nothing(file: str, lines: list[str]) -> str:
    """HOCON, unless no line at all looks like a key with a value."""
    if any(
        _ASSIGNED.match(line) or _BRACE_BLOCK.match(line) or _COLON.match(line) or "{" in line
        for line in lines
    ) or lines[0].lstrip().startswith(("[", "include")):
        return "hocon"
    raise ConfigFileError(file, "its content is of no format that is read here", 1)


def _is_forge(lines: list[str]) -> bool:
    if any(_FORGE_TYPED.match(line) for line in lines):
        return True
    return bool(lines) and _FORGE_BANNER.match(lines[0]) is not None and len(lines) > 1


def _is_web_server(lines: list[str]) -> bool:
    blocks = any(_WEB_SERVER.match(line) for line in lines)
    directives = sum(_DIRECTIVE.match(line) is not None for line in lines)
    return (directives > 0 and (blocks or directives * 2 > len(lines))) or any(
        _APACHE_END.match(line) for line in lines
    )


def _is_yaml(lines: list[str]) -> bool:
    """Block YAML: `key: value` at the left margin, deeper levels by indentation, no braces."""
    if any(_BRACE_BLOCK.match(line) or line.strip() in ("}", "},", "]", "],") for line in lines):
        return False
    top = [line for line in lines if not line[:1].isspace()]
    if lines and lines[0].startswith(("---", "%YAML")):
        return True
    return (
        bool(top)
        and all(_COLON.match(line) for line in top)
        and any(line[:1].isspace() or line.startswith("- ") for line in lines)
    )


def _is_amp_value(line: str) -> bool:
    """AMP writes `Area.Key=Value` with capital words and without quotes."""
    return re.match(r"[A-Z]\w*(?:\.[A-Z0-9]\w*)+=", line) is not None
