from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from homeamp_agent.instances import PluginHomes, Sieve, config_files, discover, ignored, plugin_of
from tests.instances.conftest import Host, MakeJar


def scanned(host: Host, **options: Any) -> dict[str, str | None]:
    (instance,) = discover(host.instances, "alder").instances
    return {ref.path: ref.plugin for ref in config_files(instance, **options)}


def test_config_files_of_the_game_and_of_plugins_are_found_with_their_owner(
    host: Host, make_jar: MakeJar
) -> None:
    game = host.paper("SURV01")
    make_jar(game / "plugins/EssentialsX.jar", {"plugin.yml": "name: Essentials\nversion: 1\n"})
    host.write("SURV01/Minecraft/plugins/essentials/config.yml", "a: 1\n")
    host.write("SURV01/Minecraft/plugins/essentials/kits/Start.YML", "a: 1\n")
    host.write("SURV01/Minecraft/plugins/bStats/config.yml", "a: 1\n")
    host.write("SURV01/Minecraft/plugins/loose.yml", "a: 1\n")
    host.write("SURV01/Minecraft/config/paper-global.yml", "a: 1\n")
    host.write("SURV01/Minecraft/plugins/dynmap/configuration.txt", "a: 1\n")

    assert scanned(host) == {
        "bukkit.yml": None,
        "server.properties": None,
        "config/paper-global.yml": None,
        "plugins/loose.yml": None,
        "plugins/bStats/config.yml": "bStats",
        "plugins/dynmap/configuration.txt": "dynmap",
        "plugins/essentials/config.yml": "Essentials",
        "plugins/essentials/kits/Start.YML": "Essentials",
    }


NOISE = [
    "world/level.dat",
    "world/paper-world.yml",
    "world/datapacks/pack/data.json",
    "renamed_nether/region/r.0.0.mca",
    "renamed_nether/settings.json",
    "logs/latest.json",
    "crash-reports/report.json",
    "cache/mojang.json",
    "libraries/x/y.json",
    "versions/1.21/meta.json",
    "java/release.properties",
    "bluemap/web/settings.json",
    "usercache.json",
    "whitelist.json",
    "ops.json",
    "banned-players.json",
    "plugins/.paper-remapped/index.json",
    "plugins/.trash-1/config.yml",
    ".trash/config.yml",
    "plugins/update/x.yml",
    "plugins/dynmap/web/tiles/world/tile.json",
    "plugins/squaremap/web/tiles/players.json",
    "plugins/Essentials/userdata/uuid.yml",
    "plugins/CoreProtect/database.db",
    "plugins/LuckPerms/libs/gson.jar",
    "plugins/Foo/playerdata/uuid.yml",
    "plugins/Foo/logs/today.yml",
    "plugins/Foo/backups/config.yml",
    "plugins/Foo/config.yml~",
    "plugins/Foo/.#config.yml",
    "plugins/Foo/notes.txt",
    "plugins/Foo/picture.png",
    "Backups/b.json",
    "AMP_Logs/x.json",
]


def test_worlds_logs_caches_databases_and_players_are_never_scanned(host: Host) -> None:
    host.paper("SURV01")
    for path in NOISE:
        host.write(f"SURV01/Minecraft/{path}", "a: 1\n")

    assert set(scanned(host)) == {"bukkit.yml", "server.properties"}


@pytest.mark.parametrize("path", NOISE)
def test_a_single_changed_path_is_judged_as_the_walk_judges_it(host: Host, path: str) -> None:
    game = host.paper("SURV01")
    for each in NOISE:
        host.write(f"SURV01/Minecraft/{each}", "a: 1\n")

    assert ignored(path, game)


@pytest.mark.parametrize(
    "path",
    [
        "server.properties",
        "config/paper-global.yml",
        "plugins/BlueMap/core.conf",
        "plugins/Stats/config.yml",
        "plugins/Cache/config.yml",
        "plugins/Foo/worlds/world/config.yml",
        "plugins/TAB/config.yml",
        "velocity.toml",
    ],
)
def test_config_files_are_not_ignored(host: Host, path: str) -> None:
    game = host.paper("SURV01")

    assert not ignored(path)
    assert not ignored(path, game)


def test_data_files_count_where_a_rule_names_them(host: Host) -> None:
    host.paper("SURV01")
    host.write("SURV01/Minecraft/whitelist.json", "[]")
    host.write("SURV01/Minecraft/ops.json", "[]")

    assert "whitelist.json" in scanned(host, named_by_rules={"whitelist.json"})
    assert "ops.json" not in scanned(host, named_by_rules={"whitelist.json"})


def test_what_a_plugins_knowledge_calls_data_is_left_out(host: Host) -> None:
    host.paper("SURV01")
    for path in ("Towny/settings/config.yml", "Towny/data/towns/a.yml", "Other/data/towns/a.yml"):
        host.write(f"SURV01/Minecraft/plugins/{path}", "a: 1\n")
    host.write("SURV01/Minecraft/plugins/Other/last-seen.yml", "a: 1\n")

    found = scanned(host, knowledge_data_globs={"towny": ["data/**"], "*": ["last-seen.yml"]})

    assert {path for path in found if path.startswith("plugins/")} == {
        "plugins/Towny/settings/config.yml",
        "plugins/Other/data/towns/a.yml",
    }


def test_links_are_followed_inside_the_instance_only(host: Host, tmp_path: Path) -> None:
    game = host.paper("SURV01")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "config.yml").write_text("secret: 1\n")
    host.write("SURV01/shared/config.yml", "a: 1\n")
    plugins = game / "plugins"
    plugins.mkdir()
    (plugins / "Out").symlink_to(tmp_path / "outside")
    (plugins / "In").symlink_to(host.instances / "SURV01" / "shared")
    (plugins / "out.yml").symlink_to(tmp_path / "outside" / "config.yml")
    (plugins / "nothing.yml").symlink_to(plugins / "gone.yml")
    problems: list[str] = []

    found = scanned(host, report=problems.append)

    assert {path for path in found if path.startswith("plugins/")} == {"plugins/In/config.yml"}
    assert sorted(problems) == [
        "plugins/Out: is a link out of the instance; not followed",
        "plugins/nothing.yml: is a link to nothing; left out",
        "plugins/out.yml: is a link out of the instance; not followed",
    ]


def test_links_that_go_in_circles_end(host: Host) -> None:
    game = host.paper("SURV01")
    host.write("SURV01/Minecraft/plugins/Foo/config.yml", "a: 1\n")
    (game / "plugins/Foo/self").symlink_to(game / "plugins/Foo")
    (game / "plugins/Foo/up").symlink_to(game)
    (game / "plugins/Foo/loop.yml").symlink_to(game / "plugins/Foo/loop.yml")
    problems: list[str] = []

    found = scanned(host, report=problems.append)

    assert [path for path in found if "Foo" in path] == ["plugins/Foo/config.yml"]
    assert len(problems) == 1
    assert problems[0].startswith("plugins/Foo/loop.yml: ")


def test_folders_that_all_link_to_each_other_do_not_multiply_without_end(host: Host) -> None:
    game = host.paper("SURV01")
    names = [f"P{number}" for number in range(7)]
    for name in names:
        host.write(f"SURV01/Minecraft/plugins/{name}/config.yml", "a: 1\n")
        for other in names:
            (game / "plugins" / name / other).symlink_to(game / "plugins" / other)
    problems: list[str] = []

    found = scanned(host, report=problems.append)

    assert {f"plugins/{name}/config.yml" for name in names} <= set(found)
    (problem,) = problems
    assert "linked folders" in problem


def test_a_name_that_is_not_utf8_is_one_line_and_the_rest_is_found(host: Host) -> None:
    game = host.paper("SURV01")
    (game / "plugins" / os.fsdecode(b"Caf\xe9")).mkdir(parents=True)
    host.write("SURV01/Minecraft/plugins/Foo/config.yml", "a: 1\n")
    problems: list[str] = []

    found = scanned(host, report=problems.append)

    assert "plugins/Foo/config.yml" in found
    (problem,) = problems
    assert "Caf" in problem
    problem.encode()


def test_devices_and_pipes_named_as_config_are_told_and_not_opened(host: Host) -> None:
    game = host.paper("SURV01")
    os.mkfifo(game / "pipe.yml")
    problems: list[str] = []

    assert "pipe.yml" not in scanned(host, report=problems.append)
    assert problems == ["pipe.yml: is not a regular file; left out"]


def test_very_deep_folders_end_with_a_line(host: Host) -> None:
    host.paper("SURV01")
    host.write("SURV01/Minecraft/plugins/" + "a/" * 60 + "config.yml", "a: 1\n")
    problems: list[str] = []

    found = scanned(host, report=problems.append)

    assert set(found) == {"bukkit.yml", "server.properties"}
    (problem,) = problems
    assert "folders deep" in problem


def test_a_mods_files_belong_to_the_mod_with_the_longest_matching_id(
    host: Host, make_jar: MakeJar
) -> None:
    game = host.write("FAB01/Minecraft/fabric-server-launcher.properties", "x=1\n").parent
    for mod in ("carpet", "carpet-extra", "luckperms"):
        make_jar(
            game / f"mods/{mod}.jar", {"fabric.mod.json": f'{{"id": "{mod}", "version": "1"}}'}
        )
    for path in (
        "carpet.conf",
        "carpet-extra-common.toml",
        "luckperms/luckperms.conf",
        "carpet_stuff/a.json",
        "unknown.json",
    ):
        host.write(f"FAB01/Minecraft/config/{path}", "{}")
    (instance,) = discover(host.instances, "alder").instances
    homes = PluginHomes(instance)

    assert homes.owner("config/carpet.conf") == "carpet"
    assert homes.owner("config/carpet-extra-common.toml") == "carpet-extra"
    assert homes.owner("config/luckperms/luckperms.conf") == "luckperms"
    assert homes.owner("config/carpet_stuff/a.json") == "carpet"
    assert homes.owner("config/unknown.json") is None
    assert plugin_of("fabric-server-launcher.properties", instance) is None


def test_geysers_own_config_belongs_to_geyser(host: Host) -> None:
    host.write("GEY01/AMPConfig.conf", "x=1\n")
    host.write("GEY01/GenericModule.kvp", "App.BaseDirectory=./geyser/\n")
    host.write("GEY01/geyser/config.yml", "a: 1\n")
    host.write("GEY01/geyser/extensions/floodgate/config.yml", "a: 1\n")

    assert scanned(host) == {"config.yml": "Geyser", "extensions/floodgate/config.yml": "floodgate"}


def test_an_instance_without_a_game_folder_has_no_config_files(host: Host) -> None:
    host.write("NEW01/AMPConfig.conf", "x=1\n")

    assert scanned(host) == {}


def test_a_walk_of_a_big_instance_is_fast(host: Host) -> None:
    """The bound is ten times what it takes here, in CPU time; the floor is 40 ms."""
    game = host.paper("SURV01")
    for number in range(240):
        folder = game / "plugins" / f"Plugin{number}" / "sub"
        folder.mkdir(parents=True)
        for each in range(10):
            (folder / f"file{each}.yml").write_text("a: 1\n")
            (folder.parent / f"file{each}.yml").write_text("a: 1\n")
    (instance,) = discover(host.instances, "alder").instances

    started = time.process_time()
    found = sum(1 for _ in config_files(instance))
    seconds = time.process_time() - started

    assert found == 4802
    assert seconds < 1.0


def test_a_single_path_is_told_exactly_as_the_walk_tells_it(
    host: Host, make_jar: MakeJar, tmp_path: Path
) -> None:
    game = host.paper("SURV01")
    make_jar(game / "plugins/EssentialsX.jar", {"plugin.yml": "name: Essentials\nversion: 1\n"})
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "config.yml").write_text("a: 1\n")
    for path in (*NOISE, "plugins/Essentials/config.yml", "plugins/A/b/c/d.json", "config/x.yml"):
        host.write(f"SURV01/Minecraft/{path}", "a: 1\n")
    (game / "plugins/Out").symlink_to(tmp_path / "outside")
    (game / "plugins/Essentials/again").symlink_to(game / "plugins/A")
    (instance,) = discover(host.instances, "alder").instances
    sieve = Sieve(instance)
    walked = {ref.path: ref for ref in config_files(instance)}

    every = [file.relative_to(game).as_posix() for file in game.rglob("*")]
    every += [
        "plugins/Out/config.yml",
        "plugins/Essentials/again/b/c/d.json",
        "gone.yml",
        "x/y.yml",
    ]

    assert "plugins/Essentials/again/b/c/d.json" in walked
    assert {path: ref for path in every if (ref := sieve.file(path))} == walked
    assert {ref.path for ref in sieve.below("plugins")} == {
        path for path in walked if path.startswith("plugins/")
    }
    assert str(game / "world") not in sieve.folders()
    assert str(game / "plugins/A/b/c") in sieve.folders()
