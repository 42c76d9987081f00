from __future__ import annotations

import os
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path

import pytest

from homeamp_agent.instances import discover
from homeamp_agent.model.instance import Platform
from tests.instances.conftest import Host

NOBODY = 65534


def test_every_folder_with_an_amp_config_is_an_instance_but_the_panel_is_not(host: Host) -> None:
    host.paper("SURV01")
    host.write("ADS01/AMPConfig.conf", "AMP.AppModule=ADSModule\n")
    host.write("ADS01/ADSModule.kvp", "Limits.X=1\n")
    host.write("lost+found/readme.txt", "nothing")

    found = discover(host.instances, "alder")

    assert [(each.host, each.name, each.platform) for each in found.instances] == [
        ("alder", "SURV01", Platform.PAPER)
    ]
    assert found.problems == ()


def test_instances_json_names_the_instances_and_its_path_is_used_where_it_exists(
    host: Host, tmp_path: Path
) -> None:
    host.paper("SURV01")
    elsewhere = tmp_path / "disk2" / "creative-folder"
    (elsewhere / "Minecraft").mkdir(parents=True)
    (elsewhere / "Minecraft" / "spigot.yml").write_text("x: 1\n")
    host.lists(
        {"InstanceName": "SURV01", "FriendlyName": "Survival", "Module": "Minecraft"},
        {"InstanceName": "CREA01", "Module": "Minecraft", "Path": str(elsewhere)},
        {"InstanceName": "ADS01", "Module": "ADS"},
    )
    (host.instances / "ADS01").mkdir()

    found = {each.name: each for each in discover(host.instances, "alder").instances}

    assert sorted(found) == ["CREA01", "SURV01"]
    assert found["SURV01"].friendly_name == "Survival"
    assert found["CREA01"].game_folder == str(elsewhere / "Minecraft")


def test_a_stale_path_falls_back_to_the_folder_of_the_name(host: Host) -> None:
    game = host.paper("SURV01")
    host.lists({"InstanceName": "SURV01", "Path": "/no/such/ampdata/instances/SURV01"})

    (only,) = discover(host.instances, "alder").instances

    assert only.game_folder == str(game)


def test_a_listed_instance_without_a_folder_is_one_problem_line(host: Host) -> None:
    host.lists({"InstanceName": "GONE01", "Module": "Minecraft", "Path": "/no/such/folder"})

    found = discover(host.instances, "alder")

    assert found.instances == ()
    assert len(found.problems) == 1
    assert "GONE01" in found.problems[0]


def test_the_data_folder_above_instances_is_understood_too(host: Host) -> None:
    host.paper("SURV01")
    host.lists({"InstanceName": "SURV01"})

    assert [each.name for each in discover(host.data, "alder").instances] == ["SURV01"]


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"{}", b"\xff\xfe[", b"[" * 100_000, b"null"],
    ids=["empty", "truncated", "an object", "utf-16", "nested", "null"],
)
def test_an_unusable_instances_json_is_told_and_the_folders_decide(
    host: Host, content: bytes
) -> None:
    host.paper("SURV01")
    (host.data / "instances.json").write_bytes(content)

    found = discover(host.instances, "alder")

    assert [each.name for each in found.instances] == ["SURV01"]
    assert len(found.problems) == 1
    assert "instances.json" in found.problems[0]
    assert "the folders decide" in found.problems[0]


@pytest.mark.parametrize("name", ["../../etc", "", "a/b", 7, None, "two\nlines"])
def test_an_entry_with_a_hostile_name_is_left_out_alone(host: Host, name: str) -> None:
    host.paper("SURV01")
    host.lists({"InstanceName": name}, {"InstanceName": "SURV01"}, "text")

    found = discover(host.instances, "alder")

    assert [each.name for each in found.instances] == ["SURV01"]
    assert len(found.problems) == 2


def test_a_generic_app_says_where_its_game_is(host: Host) -> None:
    host.write("GEY01/AMPConfig.conf", "AMP.AppModule=GenericModule\r\n")
    host.write(
        "GEY01/GenericModule.kvp",
        "App.DisplayName=Geyser\r\nApp.BaseDirectory=./geyser/\r\nApp.Args=-Da=b=c\r\n",
    )
    host.write("GEY01/geyser/config.yml", "bedrock: {port: 19132}\n")
    host.write("GEY01/Minecraft/eula.txt", "eula=true\n")

    (geyser,) = discover(host.instances, "birch").instances

    assert geyser.platform is Platform.GEYSER
    assert geyser.game_folder == str(host.instances / "GEY01" / "geyser")
    assert [(each.name, each.folder) for each in geyser.plugins] == [("Geyser", ".")]


def test_a_base_directory_outside_the_instance_is_refused(host: Host, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    host.write("BAD01/AMPConfig.conf", "x=1\n")
    host.write("BAD01/GenericModule.kvp", "App.BaseDirectory=../../../elsewhere\n")

    (bad,) = discover(host.instances, "alder").instances

    assert bad.game_folder == ""
    assert any("leads out of its instance folder" in line for line in bad.problems)


@pytest.mark.parametrize(
    ("marks", "server_type", "platform"),
    [
        (["velocity.toml"], "Velocity", Platform.VELOCITY),
        (["config/paper-global.yml", "server.properties"], "", Platform.PAPER),
        (["purpur.yml"], "", Platform.PAPER),
        (["fabric-server-launcher.properties", "server.properties"], "", Platform.FABRIC),
        (["libraries/net/neoforged/x"], "", Platform.NEOFORGE),
        (["waterfall.yml"], "", Platform.BUNGEE),
        (["bedrock_server"], "", Platform.BEDROCK),
        (["server.properties"], "Fabric", Platform.FABRIC),
        (["server.properties"], "", Platform.VANILLA),
        (["eula.txt"], "", Platform.UNKNOWN),
        (["velocity.toml", "plugins/x.txt"], "Paper", Platform.VELOCITY),
    ],
)
def test_the_platform_is_told_by_what_is_there(
    host: Host, marks: Sequence[str], server_type: str | None, platform: Platform
) -> None:
    host.write("ONE/AMPConfig.conf", "x=1\n")
    host.write("ONE/MinecraftModule.kvp", f"Minecraft.ServerType={server_type}\n")
    for mark in marks:
        host.write(f"ONE/Minecraft/{mark}")

    (one,) = discover(host.instances, "alder").instances

    assert one.platform is platform


def test_a_folder_that_amp_does_not_know_counts_when_it_holds_a_game(host: Host) -> None:
    host.write("plain/server.properties", "motd=A\n")
    host.write("plain/plugins/Vault/config.yml", "a: 1\n")
    host.write("boxed/Minecraft/bukkit.yml", "a: 1\n")

    found = discover(host.instances, "alder")

    assert [(each.name, Path(each.game_folder).name) for each in found.instances] == [
        ("boxed", "Minecraft"),
        ("plain", "plain"),
    ]


def test_an_instance_without_a_game_is_shown_with_its_problem(host: Host) -> None:
    host.write("NEW01/AMPConfig.conf", "x=1\n")

    (new,) = discover(host.instances, "alder").instances

    assert new.game_folder == ""
    assert "no game folder" in new.problems[0]


def test_no_such_folder_and_a_file_in_its_place_are_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")

    for place in (tmp_path / "missing", tmp_path / "file"):
        found = discover(place, "alder")
        assert found.instances == ()
        assert found.problems == (f"{place}: no such folder",)


def test_an_amp_file_that_is_a_folder_is_one_problem_of_that_instance(host: Host) -> None:
    host.paper("SURV01")
    (host.instances / "SURV01" / "MinecraftModule.kvp").unlink()
    (host.instances / "SURV01" / "MinecraftModule.kvp").mkdir()

    (instance,) = discover(host.instances, "alder").instances

    assert instance.platform is Platform.PAPER
    assert len(instance.problems) == 1
    assert "MinecraftModule.kvp" in instance.problems[0]


def test_an_unreadable_instance_folder_is_told_and_the_others_are_found() -> None:
    # Not below tmp_path: a user without rights must be able to reach it.
    with tempfile.TemporaryDirectory(prefix="homeamp-") as place:
        root = Path(place)
        root.chmod(0o755)
        for name in ("SURV01", "LOCK01"):
            (root / name / "Minecraft").mkdir(parents=True)
        (root / "LOCK01").chmod(0)
        found = _discovered_without_rights(root)
        (root / "LOCK01").chmod(0o755)

    assert "name='SURV01'" in found
    assert "LOCK01: cannot be read: Permission denied" in found


def _discovered_without_rights(root: Path) -> str:
    """What a user finds who may not read everything, as text; root may read mode 000."""
    if os.geteuid() != 0:
        return str(discover(root, "alder"))
    reader, writer = os.pipe()
    with warnings.catch_warnings():
        # A fork, not a subprocess: the other user may not be able to read this checkout.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        try:
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            os.write(writer, str(discover(root, "alder")).encode())
        finally:
            os._exit(0)
    os.close(writer)
    os.waitpid(child, 0)
    with os.fdopen(reader) as outcome:
        return outcome.read()


def test_two_instances_of_one_name_are_told(host: Host) -> None:
    host.paper("SURV01")
    host.paper("other")
    host.lists(
        {"InstanceName": "SURV01"},
        {"InstanceName": "SURV01", "Path": str(host.instances / "other")},
    )

    found = discover(host.instances, "alder")

    assert [each.name for each in found.instances] == ["SURV01"]
    assert any("another instance is named SURV01" in line for line in found.problems)
