"""What a plugin's jar says of itself: name and version, by platform (facts on plugins, 'Jars').

Jars come from anywhere, so every read is bounded, and a jar that cannot be read is an error in one
line, never a crash. YAML is walked as events: no objects are built, so nothing in it can blow up,
and a version such as 1.10 stays the text it is.

    DescriptorError     this jar says nothing usable; the message is the reason
"""

from __future__ import annotations

import json
import stat
import struct
import tomllib
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import yaml

from homeamp_agent.instances.ampfiles import UNSHOWABLE
from homeamp_agent.model.instance import Platform

DESCRIPTOR_BYTES_MAX = 1024 * 1024
"""The largest plugin.yml of 968 real jars has 60 KB (a command list)."""

JAR_BYTES_MAX = 1024 * 1024 * 1024
"""The largest real plugin jars have some 100 MB; a bigger file in that place is something else."""

MANIFEST = "META-INF/MANIFEST.MF"
JAR_VERSION = "${file.jarVersion}"
"""Forge's placeholder for the manifest's Implementation-Version."""


class DescriptorError(Exception):
    """A jar without a usable descriptor."""


@dataclass(frozen=True, slots=True)
class Descriptor:
    """`id` is what the platform names the config folder after, `name` what people call it."""

    id: str
    name: str
    version: str | None
    kind: str


def read_descriptor(jar: Path, platform: Platform) -> Descriptor:
    """The descriptor that `platform` would read, else any other the jar holds.

    Raises:
        DescriptorError: no jar, not readable, or nothing in it names a plugin.
    """
    try:
        status = jar.stat()
        if not stat.S_ISREG(status.st_mode):
            raise DescriptorError("not a regular file")
        if status.st_size > JAR_BYTES_MAX:
            raise DescriptorError(f"{status.st_size:,} bytes; more than {JAR_BYTES_MAX:,}")
        with zipfile.ZipFile(jar) as archive:
            return _read(archive, platform)
    except OSError as error:
        raise DescriptorError(f"cannot be read: {error.strerror or error}") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, struct.error) as error:
        raise DescriptorError(f"is not a jar: {error}") from error
    except (NotImplementedError, RuntimeError, ValueError, OverflowError) as error:
        raise DescriptorError(f"cannot be unpacked: {error}") from error


def _read(archive: zipfile.ZipFile, platform: Platform) -> Descriptor:
    names = set(archive.namelist())
    present = [entry for entry in _order(platform) if entry in names]
    if not present:
        raise DescriptorError("holds no plugin descriptor")
    reasons: list[str] = []
    for entry in present:
        try:
            return _READERS[entry](archive, entry)
        except DescriptorError as error:
            reasons.append(f"{entry}: {error}")
    raise DescriptorError("; ".join(reasons))


def _order(platform: Platform) -> list[str]:
    first = _PLATFORM_DESCRIPTORS.get(platform, ())
    return [*first, *(entry for entry in _READERS if entry not in first)]


def _text_of(archive: zipfile.ZipFile, entry: str) -> str:
    with archive.open(entry) as stream:
        content = stream.read(DESCRIPTOR_BYTES_MAX + 1)
    if len(content) > DESCRIPTOR_BYTES_MAX:
        raise DescriptorError(f"more than {DESCRIPTOR_BYTES_MAX:,} bytes")
    return content.decode("utf-8-sig", "replace")


def _yaml(archive: zipfile.ZipFile, entry: str) -> Descriptor:
    fields = _top_scalars(_text_of(archive, entry), frozenset({"id", "name", "version"}))
    name = fields.get("name") or fields.get("id")
    return _descriptor(fields.get("id") if entry == "extension.yml" else name, name, fields, entry)


def _top_scalars(text: str, wanted: frozenset[str]) -> dict[str, str]:
    """The scalar values of the top-level mapping's `wanted` keys."""
    fields: dict[str, str] = {}
    depth, key = 0, None
    try:
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            if isinstance(event, yaml.CollectionStartEvent):
                depth, key = depth + 1, None
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
            elif depth == 1 and isinstance(event, yaml.ScalarEvent):
                if key is None:
                    key = event.value
                else:
                    if key in wanted:
                        fields[key] = event.value
                    key = None
            elif depth == 1 and isinstance(event, yaml.AliasEvent):
                key = None
    except yaml.YAMLError as error:
        if "name" not in fields:
            raise DescriptorError(f"is not YAML: {str(error).splitlines()[0]}") from error
    return fields


def _json(archive: zipfile.ZipFile, entry: str) -> Descriptor:
    try:
        document = json.loads(_text_of(archive, entry), strict=False)
    except RecursionError as error:
        raise DescriptorError("nested too deeply") from error
    except ValueError as error:
        raise DescriptorError(f"is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise DescriptorError("is not a JSON object")
    return _descriptor(document.get("id"), document.get("name"), document, entry)


def _toml(archive: zipfile.ZipFile, entry: str) -> Descriptor:
    try:
        document = tomllib.loads(_text_of(archive, entry))
    except RecursionError as error:
        raise DescriptorError("nested too deeply") from error
    except tomllib.TOMLDecodeError as error:
        raise DescriptorError(f"is not TOML: {error}") from error
    mods = document.get("mods")
    first = mods[0] if isinstance(mods, list) and mods and isinstance(mods[0], dict) else {}
    fields = dict(first)
    if fields.get("version") == JAR_VERSION:
        fields["version"] = _manifest_version(archive)
    return _descriptor(fields.get("modId"), fields.get("displayName"), fields, entry)


def _manifest_version(archive: zipfile.ZipFile) -> str | None:
    try:
        lines = _text_of(archive, MANIFEST).splitlines()
    except (KeyError, DescriptorError):
        return None
    pairs = (line.partition(":") for line in lines)
    return next(
        (value.strip() for key, _, value in pairs if key.strip() == "Implementation-Version"), None
    )


def _descriptor(
    identity: object, name: object, fields: dict[str, object] | dict[str, str], entry: str
) -> Descriptor:
    version = fields.get("version")
    identity = identity if isinstance(identity, str) else name
    if not isinstance(identity, str) or not identity.strip() or UNSHOWABLE.search(identity):
        raise DescriptorError("names no plugin")
    identity = identity.strip()
    shown = name.strip() if isinstance(name, str) else ""
    return Descriptor(
        id=identity,
        # A display name such as "Fabric API" is no identity: rules and folders use the id.
        name=shown if shown.casefold() == identity.casefold() else identity,
        version=str(version) if isinstance(version, (str, int, float)) else None,
        kind=entry,
    )


_READERS: dict[str, Callable[[zipfile.ZipFile, str], Descriptor]] = {
    "paper-plugin.yml": _yaml,
    "plugin.yml": _yaml,
    "velocity-plugin.json": _json,
    "bungee.yml": _yaml,
    "fabric.mod.json": _json,
    "META-INF/neoforge.mods.toml": _toml,
    "META-INF/mods.toml": _toml,
    "extension.yml": _yaml,
}

_PLATFORM_DESCRIPTORS = {
    Platform.PAPER: ("paper-plugin.yml", "plugin.yml"),
    Platform.VELOCITY: ("velocity-plugin.json",),
    Platform.BUNGEE: ("bungee.yml", "plugin.yml"),
    Platform.FABRIC: ("fabric.mod.json",),
    Platform.NEOFORGE: ("META-INF/neoforge.mods.toml", "META-INF/mods.toml"),
    Platform.GEYSER: ("extension.yml",),
}
"""What each platform reads, in its order: one jar may hold several."""
