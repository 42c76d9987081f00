"""What AMP owns in an instance, told from AMP's own files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from homeamp_agent.instances.amp_owned import AmpOwned, Owner, amp_owned
from homeamp_agent.model.instance import Instance


def instance(root: Path, game: str = "Minecraft", **files: str) -> AmpOwned:
    (root / game).mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (root / name.replace("__", ".")).write_text(text, "utf-8")
    folder = str(root)
    return amp_owned(Instance(host="h", name="A", folder=folder, game_folder=f"{folder}/{game}"))


def test_properties_that_amp_keeps_settings_of_are_its_own(tmp_path: Path) -> None:
    kvp = "# AMP\r\nLimits.MaxPlayers=150\r\nMinecraft.ServerMOTD=a = b\r\nJava.MaxHeapSizeMB=1\r\n"
    owned = instance(tmp_path, MinecraftModule__kvp=kvp)
    node = "MinecraftModule.Limits.MaxPlayers"
    assert owned.owner("server.properties", ("max-players",)) == Owner(node, "150")
    motd = owned.owner("server.properties", ("motd",))
    assert motd is not None
    assert motd.value == "a = b"
    assert owned.owner("server.properties", ("difficulty",)) is None
    assert owned.owner("server.properties", ("sync-chunk-writes",)) is None
    assert owned.owner("plugins/X/server.properties", ("motd",)) is None


GENERIC = "App.BaseDirectory=./geyser/\nApp.AppSettings=" + json.dumps(
    {"IP": "192.0.2.1", "On": True}
)
META = json.dumps(
    [
        {"ConfigFile": "app.json", "AutoMap": True},
        {
            "ConfigFile": "geyser\\app.ini",
            "Subsections": [
                {"Heading": "Network", "SettingMappings": {"IP": "ServerIP"}},
                {"Heading": "$root", "SettingMappings": {"On": "enabled"}},
            ],
        },
        {"ConfigFile": "../outside.ini"},
        7,
    ]
)
MANIFEST = json.dumps([{"FieldName": "IP", "ParamFieldName": "net.ip"}, {"FieldName": "On"}, None])


def test_files_of_a_generic_app_are_told_by_its_manifests(tmp_path: Path) -> None:
    owned = instance(
        tmp_path,
        "geyser",
        GenericModule__kvp=GENERIC,
        metaconfig__json=META,
        configmanifest__json=MANIFEST,
    )
    ip = Owner("Meta.GenericModule.IP", "192.0.2.1")
    assert owned.owner("app.json", ("net", "ip")) == ip
    assert owned.owner("app.json", ("On",)) == Owner("Meta.GenericModule.On", "True")
    # With AutoMap, AMP leaves what it does not map.
    assert owned.owner("app.json", ("net", "other")) is None
    assert owned.owner("app.ini", ("Network", "ServerIP")) == ip
    assert owned.owner("app.ini", ("enabled",)) == Owner("Meta.GenericModule.On", "True")
    # Without, it writes the whole file: this key has no node, and does not last.
    assert owned.owner("app.ini", ("Network", "Other")) == Owner(None)
    assert owned.owner("config.yml", ("x",)) is None
    assert not [each for each in owned.files if ".." in each]


@pytest.mark.parametrize("bad", ["", "[", "{}", "[" * 100_000, '[{"ConfigFile": 7}]', "null"])
def test_manifests_that_are_none_tell_nothing(tmp_path: Path, bad: str) -> None:
    owned = instance(
        tmp_path,
        "geyser",
        GenericModule__kvp="App.AppSettings=" + bad,
        metaconfig__json=bad,
        configmanifest__json=bad,
    )
    assert owned.files == {}
