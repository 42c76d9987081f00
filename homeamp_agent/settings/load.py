"""Reading the settings: file, then secrets file, then environment, then options; later wins.

SettingsError       everything that is wrong, one line each with its origin
"""

from __future__ import annotations

import difflib
import os
import stat
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, SecretStr, ValidationError

from homeamp_agent.settings.sections import Section, Settings

PREFIX = "HOMEAMP_"
CONFIG_VARIABLE = "HOMEAMP_CONFIG"
SEPARATOR = "__"
SYSTEM_CONFIG = Path("/etc/homeamp/agent.yaml")
MAX_FILE_BYTES = 1024 * 1024
"""Ours has 3 KB; a larger file is something else, given by mistake."""

DEFAULT = "default"


class SettingsError(Exception):
    """What is wrong with the settings: `problems`, one line each."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(problems))


@dataclass(frozen=True, slots=True)
class Effective:
    """The settings, and by dotted key where each came from."""

    settings: Settings
    origins: Mapping[str, str]

    def rows(self) -> Iterator[tuple[str, Any, str]]:
        """(dotted key, value with secrets masked, origin), in the order of the template."""
        for key, field, value in leaves(self.settings):
            del field
            shown = "set (secret)" if isinstance(value, SecretStr) else value
            yield key, shown, self.origins.get(key, DEFAULT)


class _Layers:
    """Values by dotted key, with the origin of the last that set each."""

    def __init__(self) -> None:
        self.tree: dict[str, Any] = {}
        self.origins: dict[str, str] = {}
        self.problems: list[str] = []

    def put(self, key: str, value: Any, origin: str) -> None:
        """Set one value."""
        node = self.tree
        *sections, name = key.split(".")
        for section in sections:
            node = node.setdefault(section, {})
        node[name] = value
        self.origins[key] = origin

    def origin_of(self, key: str) -> str:
        """Where the value at the key, or the whole section around it, came from."""
        while key and key not in self.origins:
            key = key.rpartition(".")[0]
        return self.origins.get(key, DEFAULT)


def default_config_file() -> Path | None:
    """$HOMEAMP_CONFIG, else the system's file or the user's own if there is one."""
    if given := os.environ.get(CONFIG_VARIABLE):
        return Path(given)
    home = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    own = Path(home) / "homeamp" / "agent.yaml"
    candidates = [SYSTEM_CONFIG] if os.geteuid() == 0 else [own, SYSTEM_CONFIG]
    return next((each for each in candidates if each.exists()), None)


def load_settings(
    config: Path | None = None,
    options: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
    *,
    must_exist: tuple[str, ...] = ("instances", "baselines"),
) -> Effective:
    """The settings of `config` (None: the default file), environment and options.

    `options` maps dotted keys to values; None values count as not given. `must_exist` names the
    settings whose folder must be there.

    Raises:
        SettingsError: anything is wrong; all of it at once.
    """
    layers = _Layers()
    file = config or default_config_file()
    if file is not None:
        _read_file(file, layers, "agent.yaml")
    _read_environment(os.environ if environment is None else environment, layers)
    for key, value in (options or {}).items():
        if value is not None:
            layers.put(key, value, f"--{key.replace('.', '-')}")
    if (secrets := layers.tree.get("secrets_file")) is not None:
        _read_secrets(Path(str(secrets)), layers)
    settings = _validated(layers)
    layers.problems += _missing_paths(layers, must_exist)
    layers.problems += _misplaced(layers, settings) if settings is not None else []
    if settings is None or layers.problems:
        raise SettingsError(layers.problems)
    return Effective(settings, layers.origins)


def leaves(section: Section, prefix: str = "") -> Iterator[tuple[str, Any, Any]]:
    """(dotted key, field, value) of every setting that is no section itself."""
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        if isinstance(value, Section):
            yield from leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", field, value


def _read_file(file: Path, layers: _Layers, what: str) -> None:
    loaded = _yaml_of(file, layers, what)
    for key, value in _flat(loaded):
        if _is_secret(_type_of(key)):
            layers.problems.append(f"{what} {file}: {key}: belongs into secrets_file")
        else:
            layers.put(key, value, f"{what} {file}")


def _yaml_of(file: Path, layers: _Layers, what: str) -> dict[str, Any]:
    try:
        with file.open("rb") as opened:
            data = opened.read(MAX_FILE_BYTES + 1)
        if len(data) > MAX_FILE_BYTES:
            layers.problems.append(f"{file}: is larger than {MAX_FILE_BYTES:,} bytes: no {what}")
            return {}
        loaded = yaml.safe_load(data.decode("utf-8-sig"))
    except OSError as error:
        layers.problems.append(f"{file}: cannot be read: {error.strerror}")
        return {}
    except UnicodeDecodeError as error:
        layers.problems.append(f"{file}: is no UTF-8 text, at byte {error.start}")
        return {}
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f":{mark.line + 1}" if mark is not None else ""
        why = getattr(error, "problem", None) or "nested too deeply"
        layers.problems.append(f"{file}{place}: is no YAML: {why}")
        return {}
    if loaded is None:
        return {}
    if not isinstance(loaded, dict):
        layers.problems.append(f"{file}: holds no keys; see homeamp-agent config init")
        return {}
    return {str(key): value for key, value in loaded.items()}


def _flat(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Values by dotted key, down to the depth of the sections; an empty section says nothing."""
    for name, value in tree.items():
        section = not prefix and _section_type(str(name))
        if section and isinstance(value, dict):
            yield from _flat(value, f"{name}.")
        elif not (section and value is None):
            yield f"{prefix}{name}", value


def _read_environment(environment: Mapping[str, str], layers: _Layers) -> None:
    for variable, text in sorted(environment.items()):
        if not variable.startswith(PREFIX) or variable == CONFIG_VARIABLE:
            continue
        key = variable.removeprefix(PREFIX).lower().replace(SEPARATOR, ".")
        field_type = _type_of(key)
        if field_type is None and SEPARATOR not in variable:
            # Another program of the house (the dashboard, ssh) may have variables of its own.
            continue
        layers.put(key, _from_text(text, field_type), f"environment {variable}")


def _read_secrets(file: Path, layers: _Layers) -> None:
    loaded = _yaml_of(file, layers, "secrets_file")
    try:
        if stat.S_IMODE(file.stat().st_mode) & 0o077:
            layers.problems.append(f"{file}: others may read it: chmod 600 {file}")
    except OSError:
        return
    for key, value in _flat(loaded):
        if not _is_secret(_type_of(key)):
            known = "is no secret; set it in agent.yaml" if _type_of(key) else "is no setting"
            layers.problems.append(f"{file}: {key} {known}")
        elif key not in layers.origins:
            layers.put(key, value, f"secrets_file {file}")


def _validated(layers: _Layers) -> Settings | None:
    try:
        return Settings.model_validate(layers.tree)
    except ValidationError as error:
        for each in error.errors(include_url=False, include_input=False, include_context=False):
            key = ".".join(str(part) for part in each["loc"][:2])
            layers.problems.append(
                f"{layers.origin_of(key)}: {key}: {_said(each['type'], each['msg'], key)}"
            )
        return None


def _said(kind: str, message: str, key: str) -> str:
    if kind != "extra_forbidden":
        message = message.removeprefix("Value error, ")
        return message[:1].lower() + message[1:]
    near = difflib.get_close_matches(
        key, [name for name, _, _ in leaves(Settings())], 1, cutoff=0.75
    )
    return "is no setting" + (f"; did you mean {near[0]}?" if near else "")


def _missing_paths(layers: _Layers, must_exist: tuple[str, ...]) -> list[str]:
    problems = []
    for name in must_exist:
        given = layers.tree.get(name, Settings.model_fields[name].default)
        if not isinstance(given, (str, Path)):
            continue  # told already
        folder = Path(given)
        if not folder.is_dir():
            what = "is no folder" if folder.exists() else "does not exist"
            problems.append(f"{layers.origin_of(name)}: {name}: {folder} {what}")
    return problems


def _misplaced(layers: _Layers, settings: Settings) -> list[str]:
    """What the agent writes outside `changes` may not lie among the instances."""
    inbox = settings.changes.inbox
    if inbox is None or not inbox.resolve().is_relative_to(settings.instances.resolve()):
        return []
    key = "changes.inbox"
    return [f"{layers.origin_of(key)}: {key}: {inbox} is among the instances"]


def _section_type(name: str) -> type[Section] | None:
    field = Settings.model_fields.get(name)
    kind = field.annotation if field is not None else None
    return kind if isinstance(kind, type) and issubclass(kind, Section) else None


def _type_of(key: str) -> Any:
    """The annotation of the setting at a dotted key; None where there is none."""
    model: type[BaseModel] = Settings
    *sections, name = key.split(".")
    for section in sections:
        inner = _section_type(section) if model is Settings else None
        if inner is None:
            return None
        model = inner
    field = model.model_fields.get(name)
    if field is None or (model is Settings and _section_type(name)):
        return None
    return field.annotation


def _is_secret(annotation: Any) -> bool:
    return SecretStr in _alternatives(annotation)


def _alternatives(annotation: Any) -> tuple[Any, ...]:
    if typing.get_origin(annotation) in {typing.Union, types.UnionType}:
        return typing.get_args(annotation)
    return (annotation,)


def _from_text(text: str, annotation: Any) -> Any:
    """An environment variable's text: lists by comma, empty text for nothing; the rest as text."""
    if typing.get_origin(annotation) is tuple:
        return [part.strip() for part in text.split(",") if part.strip()]
    if text == "" and types.NoneType in _alternatives(annotation):
        return None
    return text
