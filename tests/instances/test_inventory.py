from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Mapping
from typing import Any

import pytest

from homeamp_agent.instances import discover
from homeamp_agent.model.instance import Instance
from tests.instances.conftest import Host, MakeJar


def only(host: Host) -> Instance:
    (instance,) = discover(host.instances, "alder").instances
    return instance


def plugins(host: Host) -> dict[str, tuple[str | None, str | None, str | None]]:
    return {each.name: (each.version, each.jar, each.folder) for each in only(host).plugins}


def test_the_descriptors_name_counts_not_the_files(host: Host, make_jar: MakeJar) -> None:
    game = host.paper("SURV01")
    make_jar(
        game / "plugins/EssentialsX-2.21.0.jar", {"plugin.yml": "name: Essentials\nversion: 1.10\n"}
    )
    (game / "plugins/essentials").mkdir()
    (game / "plugins/bStats").mkdir()
    make_jar(game / "plugins/vault.jar", {"plugin.yml": "version: '7'\nname: Vault\n"})

    assert plugins(host) == {
        "bStats": (None, None, "plugins/bStats"),
        "Essentials": ("1.10", "plugins/EssentialsX-2.21.0.jar", "plugins/essentials"),
        "Vault": ("7", "plugins/vault.jar", None),
    }


def test_paper_reads_its_own_descriptor_first(host: Host, make_jar: MakeJar) -> None:
    game = host.paper("SURV01")
    make_jar(
        game / "plugins/both.jar",
        {
            "plugin.yml": "name: Old\nversion: 1\n",
            "paper-plugin.yml": "name: New\nversion: 2\n",
            "velocity-plugin.json": '{"id": "new-proxy"}',
        },
    )

    assert plugins(host) == {"New": ("2", "plugins/both.jar", None)}


def test_velocity_finds_the_folder_by_the_lower_case_id_and_shows_the_name(
    host: Host, make_jar: MakeJar
) -> None:
    host.write("VEL01/AMPConfig.conf", "x=1\n")
    velocity = host.write("VEL01/Minecraft/velocity.toml", 'bind = "192.0.2.1:25565"\n').parent
    make_jar(
        velocity / "plugins/LuckPerms-Velocity-5.4.jar",
        {
            "velocity-plugin.json": json.dumps(
                {"id": "luckperms", "name": "LuckPerms", "version": "5.4"}
            )
        },
    )
    (velocity / "plugins/luckperms").mkdir()

    assert plugins(host) == {
        "LuckPerms": ("5.4", "plugins/LuckPerms-Velocity-5.4.jar", "plugins/luckperms")
    }


def test_a_mod_has_its_settings_in_the_config_folder(host: Host, make_jar: MakeJar) -> None:
    game = host.write("FAB01/Minecraft/fabric-server-launcher.properties", "x=1\n").parent
    for mod, name in (
        ("lithium", "Lithium"),
        ("luckperms", "LuckPerms"),
        ("fabric-api", "Fabric API"),
    ):
        make_jar(
            game / f"mods/{mod}-1.jar",
            {
                "fabric.mod.json": json.dumps(
                    {"schemaVersion": 1, "id": mod, "name": name, "version": "1"}
                )
            },
        )
    host.write("FAB01/Minecraft/config/lithium.properties", "a=b\n")
    host.write("FAB01/Minecraft/config/luckperms/luckperms.conf", 'server = "fab"\n')

    assert plugins(host) == {
        "fabric-api": ("1", "mods/fabric-api-1.jar", None),
        "Lithium": ("1", "mods/lithium-1.jar", "config"),
        "LuckPerms": ("1", "mods/luckperms-1.jar", "config/luckperms"),
    }


def test_a_forge_version_can_stand_in_the_manifest(host: Host, make_jar: MakeJar) -> None:
    game = host.write("NEO01/Minecraft/config/neoforge-server.toml").parents[1]
    make_jar(
        game / "mods/jei.jar",
        {
            "META-INF/neoforge.mods.toml": '[[mods]]\nmodId="jei"\nversion="${file.jarVersion}"\n',
            "META-INF/MANIFEST.MF": "Manifest-Version: 1.0\r\nImplementation-Version: 19.2\r\n",
        },
    )

    assert plugins(host) == {"jei": ("19.2", "mods/jei.jar", None)}


def test_a_geyser_extension_lies_in_extensions(host: Host, make_jar: MakeJar) -> None:
    host.write("GEY01/GenericModule.kvp", "App.BaseDirectory=./geyser/\n")
    host.write("GEY01/AMPConfig.conf", "x=1\n")
    game = host.write("GEY01/geyser/config.yml", "a: 1\n").parent
    make_jar(game / "Geyser-Standalone.jar", {"git.properties": "git.build.number=900\n"})
    make_jar(
        game / "extensions/MCXboxBroadcast.jar",
        {"extension.yml": "id: mcxboxbroadcast\nname: MCXboxBroadcast\nversion: 2\n"},
    )
    host.write("GEY01/geyser/extensions/mcxboxbroadcast/config.yml", "a: 1\n")

    assert plugins(host) == {
        "Geyser": (None, "Geyser-Standalone.jar", "."),
        "MCXboxBroadcast": ("2", "extensions/MCXboxBroadcast.jar", "extensions/mcxboxbroadcast"),
    }


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is not a jar"),
        (b"PK\x03\x04 truncated", "is not a jar"),
        (b"\x00" * 4096, "is not a jar"),
    ],
    ids=["empty", "truncated", "zeros"],
)
def test_a_broken_jar_is_one_line_and_keeps_a_guessed_name(
    host: Host, content: bytes, reason: str
) -> None:
    game = host.paper("SURV01")
    (game / "plugins").mkdir()
    (game / "plugins/GriefPrevention-16.18.jar").write_bytes(content)
    (game / "plugins/GriefPrevention").mkdir()

    assert plugins(host) == {
        "GriefPrevention": (None, "plugins/GriefPrevention-16.18.jar", "plugins/GriefPrevention")
    }
    (problem,) = only(host).problems
    assert "GriefPrevention-16.18.jar" in problem
    assert reason in problem


@pytest.mark.parametrize(
    ("entries", "reason"),
    [
        ({"readme.txt": "library"}, "holds no plugin descriptor"),
        ({"plugin.yml": "version: 1\n"}, "names no plugin"),
        ({"plugin.yml": "name: [a\n"}, "is not YAML"),
        ({"plugin.yml": "x" * 2_000_000}, "more than"),
        ({"velocity-plugin.json": "[" * 100_000}, "nested too deeply"),
        ({"fabric.mod.json": "[]"}, "is not a JSON object"),
        ({"META-INF/mods.toml": "[[mods]\n"}, "is not TOML"),
    ],
    ids=["library", "nameless", "bad yaml", "huge", "nested json", "list", "bad toml"],
)
def test_an_unusable_descriptor_is_one_line(
    host: Host, make_jar: MakeJar, entries: Mapping[str, str], reason: str
) -> None:
    game = host.paper("SURV01")
    make_jar(game / "plugins/thing.jar", entries)

    instance = only(host)

    (problem,) = instance.problems
    assert reason in problem
    assert [each.jar for each in instance.plugins] == ["plugins/thing.jar"]


def test_an_alias_bomb_and_deep_nesting_in_a_descriptor_cost_nothing(
    host: Host, make_jar: MakeJar
) -> None:
    bomb = "name: Calm\nversion: 3\na: &a [x, x]\n" + "".join(
        f"k{n}: &b{n} [*a, *a, *a, *a]\n" for n in range(40)
    )
    game = host.paper("SURV01")
    make_jar(game / "plugins/bomb.jar", {"plugin.yml": bomb})
    make_jar(
        game / "plugins/deep.jar",
        {"plugin.yml": "name: Deep\nx: " + "[" * 5000 + "]" * 5000 + "\n"},
    )

    assert {name: entry[0] for name, entry in plugins(host).items()} == {"Calm": "3", "Deep": None}


def test_an_encrypted_or_odd_archive_is_one_line(host: Host) -> None:
    game = host.paper("SURV01")
    (game / "plugins").mkdir()
    path = game / "plugins/locked.jar"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("plugin.yml", "name: Locked\n")
    content = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + offset] |= 1
    path.write_bytes(content)

    (problem,) = only(host).problems

    assert "locked.jar: cannot be unpacked" in problem


def test_two_jars_of_one_plugin_are_told(host: Host, make_jar: MakeJar) -> None:
    game = host.paper("SURV01")
    for version in ("1.0", "1.1"):
        make_jar(
            game / f"plugins/Vault-{version}.jar",
            {"plugin.yml": f"name: Vault\nversion: {version}\n"},
        )

    assert plugins(host) == {"Vault": ("1.0", "plugins/Vault-1.0.jar", None)}
    (problem,) = only(host).problems
    assert "Vault-1.1.jar: holds Vault, as plugins/Vault-1.0.jar does" in problem


def test_a_fifo_named_as_a_jar_does_not_block(host: Host) -> None:
    game = host.paper("SURV01")
    (game / "plugins").mkdir()
    os.mkfifo(game / "plugins/pipe.jar")

    (problem,) = only(host).problems

    assert "pipe.jar: not a regular file" in problem


def test_a_replaced_jar_is_read_again_and_an_unchanged_one_is_not(
    host: Host, make_jar: MakeJar, monkeypatch: pytest.MonkeyPatch
) -> None:
    game = host.paper("SURV01")
    jar = make_jar(game / "plugins/Vault.jar", {"plugin.yml": "name: Vault\nversion: 1\n"})
    assert plugins(host)["Vault"][0] == "1"

    opened: list[str] = []
    real = zipfile.ZipFile.__init__

    def counted(self: zipfile.ZipFile, file: Any, *args: Any, **kwargs: Any) -> None:
        opened.append(str(file))
        real(self, file, *args, **kwargs)

    monkeypatch.setattr(zipfile.ZipFile, "__init__", counted)
    assert plugins(host)["Vault"][0] == "1"
    assert opened == []

    make_jar(jar, {"plugin.yml": "name: Vault\nversion: 22\n"})
    assert plugins(host)["Vault"][0] == "22"


def test_update_and_hidden_folders_are_no_plugins(host: Host, make_jar: MakeJar) -> None:
    game = host.paper("SURV01")
    for name in ("update", ".paper-remapped", ".trash-old"):
        (game / "plugins" / name).mkdir(parents=True)
    make_jar(game / "plugins/update/Vault.jar", {"plugin.yml": "name: Vault\nversion: 2\n"})

    assert plugins(host) == {}
