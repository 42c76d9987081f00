"""`ampinstmgr` as the other way: a real command, seen by its list and never by its exit code."""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path

import pytest

from homeamp_agent.amp import LifecycleError
from homeamp_agent.amp.instance_manager import InstanceManager, daemons_in
from homeamp_agent.model.game import GameState

COMMAND = textwrap.dedent(
    """\
    import sys, time
    from pathlib import Path
    place = Path(__file__).parent
    what, name = sys.argv[1], sys.argv[-1]
    with (place / "calls").open("a") as calls:
        calls.write(" ".join(sys.argv[1:]) + "\\n")
    if (place / "hangs").exists():
        time.sleep(60)
    elif what == "-l":
        print("[Info] AMP Instance Manager v2.6")
        for file in sorted(place.glob("*.daemon")):
            print("Instance ID        \\u2502 1234")
            print(f"Instance Name      \\u2502 {file.stem}")
            print(f"Running            \\u2502 {file.read_text()}")
            print("Data Path          \\u2502 /home/amp/.ampdata/instances/" + file.stem + "\\n")
    elif (place / "deaf").exists():
        print("[Error] could not do it")
    else:
        (place / f"{name}.daemon").write_text("Yes" if what == "-s" else "No")
    """
)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "ampinstmgr.py").write_text(COMMAND, "utf-8")
    (tmp_path / "DEV01.daemon").write_text("Yes", "utf-8")
    (tmp_path / "SURV01.daemon").write_text("No", "utf-8")
    return tmp_path


def manager(place: Path, bound_seconds: float = 20) -> InstanceManager:
    command = (sys.executable, "-X", "utf8", str(place / "ampinstmgr.py"))
    return InstanceManager(command, command_bound_seconds=bound_seconds, poll_seconds=0.01)


def acts(place: Path) -> list[str]:
    calls = (place / "calls").read_text("utf-8").splitlines()
    return [call for call in calls if call != "-l"]


async def test_it_tells_which_daemons_run_and_not_what_their_games_do(place: Path) -> None:
    states = await manager(place).states()
    assert {name: state.state for name, state in states.items()} == {
        "DEV01": GameState.UNKNOWN,
        "SURV01": GameState.STOPPED,
    }
    assert "does not tell what the game does" in (await manager(place).state("DEV01")).message


async def test_a_restart_is_a_stop_and_a_start_each_seen_in_the_list(place: Path) -> None:
    await manager(place).restart("DEV01")
    await manager(place).wait_ready("DEV01", 1)
    assert acts(place) == ["-q DEV01", "-s DEV01"]


async def test_what_is_so_already_is_not_done_again(place: Path) -> None:
    await manager(place).start("DEV01")
    await manager(place).stop("SURV01")
    assert acts(place) == []


async def test_a_command_that_claims_success_and_does_nothing_is_found_out(place: Path) -> None:
    (place / "deaf").touch()
    with pytest.raises(LifecycleError, match=r"^DEV01: its daemon still runs .*could not do it$"):
        await manager(place, 0.5).stop("DEV01")


async def test_a_command_that_hangs_is_ended_in_time(place: Path) -> None:
    (place / "hangs").touch()
    state = await manager(place, 0.5).state("DEV01")
    assert (state.state, "did not end within 0.5 s" in state.message) == (GameState.AWAY, True)


async def test_a_command_that_is_not_there_is_told_in_one_line() -> None:
    with pytest.raises(LifecycleError, match=r"^/nowhere/ampinstmgr cannot be run: No such file"):
        await InstanceManager(("/nowhere/ampinstmgr",)).stop("DEV01")


@pytest.mark.parametrize("name", ["-l", "DEV01; reboot", "../DEV01", "", "DÉV01", "DEV01\n"])
async def test_only_a_name_that_amp_allows_reaches_the_command(place: Path, name: str) -> None:
    with pytest.raises(LifecycleError, match="is no name of an AMP instance"):
        await manager(place).stop(name)
    assert not (place / "calls").exists()


async def test_an_instance_it_does_not_list_is_refused(place: Path) -> None:
    with pytest.raises(LifecycleError, match=r"^NOPE: ampinstmgr lists no such instance$"):
        await manager(place).start("NOPE")


async def test_nobody_is_said_to_be_gone_by_whom_nobody_can_tell(place: Path) -> None:
    assert await manager(place).wait_empty("SURV01", 1)
    with pytest.raises(LifecycleError, match="tells neither who plays"):
        await manager(place).wait_empty("DEV01", 1)
    with pytest.raises(LifecycleError, match=r"set amp\.url as well"):
        await manager(place).announce("DEV01", "hello")


def test_colours_and_plain_bars_are_understood() -> None:
    listed = "\x1b[32mInstance Name | A1\x1b[0m\nRunning | True\n\n[Info] Running │ of nothing\n"
    assert {name: state.up for name, state in daemons_in(listed).items()} == {"A1": True}
