"""Settings that AMP owns are set in AMP along with their file, and go back along with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from homeamp_agent.changes import ChangeRoom, PlainEdit
from homeamp_agent.changes.nodes import AmpSettingError
from homeamp_agent.instances.amp_owned import AmpOwned, OwnedFile, Owner
from homeamp_agent.model.change import ChangeRequest, ChangeStatus, EditOperation
from homeamp_agent.model.secret import Masker

NODE = "MinecraftModule.Limits.MaxPlayers"
PVP = "MinecraftModule.Game.EnablePVPCombat"
FILE = "server.properties"
TEXT = b"#Minecraft\nmax-players=100\npvp=true\nspawn=1\nrcon.password=hunter-secret\n"


class FakeAmp:
    """AMP's settings; `away` and `deaf` are its moods, `calls` what was set."""

    def __init__(self) -> None:
        self.values = {NODE: "100", PVP: "True"}
        self.calls: list[tuple[str, str]] = []
        self.away = False
        self.deaf = False

    def get(self, instance: str, node: str) -> str:
        assert instance == "A"
        if self.away:
            raise AmpSettingError("AMP does not answer")
        return self.values[node]

    def set(self, instance: str, node: str, value: str) -> None:
        del instance
        self.calls.append((node, value))
        if not self.deaf:
            self.values[node] = "True" if value == "true" else value


class Host:
    """A game folder, a room that may write there, and the AMP that owns two of its settings."""

    def __init__(self, root: Path, amp: FakeAmp | None, **more: Any) -> None:
        self.file = root / "A" / FILE
        self.file.parent.mkdir(exist_ok=True)
        if not self.file.exists():
            self.file.write_bytes(TEXT)
        self.stored = {"max-players": "100", "pvp": "True", "rcon.password": "hunter-secret"}
        self.room = ChangeRoom(
            root / "state",
            masker=Masker(b"k" * 32),
            game_folder_of={"A": self.file.parent}.__getitem__,
            min_free_bytes=0,
            owned_by_amp=self.owned,
            amp=amp,
            **more,
        )

    def owned(self, instance: str) -> AmpOwned:
        assert instance == "A"
        owners = {
            "max-players": Owner(NODE, self.stored["max-players"]),
            "pvp": Owner(PVP, self.stored["pvp"]),
            "rcon.password": Owner("M.Rcon", self.stored["rcon.password"]),
            "level": Owner(None),
        }
        return AmpOwned({FILE: OwnedFile(owners)})

    def apply(self, *edits: PlainEdit) -> ChangeRequest:
        return self.room.apply(self.room.plan(edits), author="op", reason="because")


def edit(key: str = "max-players", old: Any = 100, new: Any = 150, **more: Any) -> PlainEdit:
    return PlainEdit("A", FILE, (key,), expected_old=old, new=new, **more)


@pytest.fixture
def amp() -> FakeAmp:
    return FakeAmp()


@pytest.fixture
def host(tmp_path: Path, amp: FakeAmp) -> Host:
    return Host(tmp_path, amp)


def test_the_plan_tells_amp_s_setting_apart_and_both_are_set(host: Host, amp: FakeAmp) -> None:
    planned = host.room.plan([edit(), edit("pvp", True, False), edit("spawn", 1, 2)])
    (file,) = planned.plan.files
    assert [(each.node, each.before, each.after) for each in file.amp_owned] == [
        (NODE, "100", "150"),
        (PVP, "True", "false"),
    ]
    change = host.room.apply(planned, author="op", reason="because")
    assert change.status is ChangeStatus.APPLIED
    assert amp.calls == [(NODE, "150"), (PVP, "false")]
    assert b"max-players=150\npvp=false\nspawn=2\n" in host.file.read_bytes()
    assert change.files[0].amp_owned == file.amp_owned

    back = host.room.rollback(change.id, author="op", reason="no")
    assert back.status is ChangeStatus.ROLLED_BACK
    assert (host.file.read_bytes(), amp.values) == (TEXT, {NODE: "100", PVP: "True"})


def test_what_amp_wrote_anew_at_a_start_goes_back_by_its_settings(host: Host, amp: FakeAmp) -> None:
    change = host.apply(edit())
    host.file.write_bytes(b"#written anew\n" + host.file.read_bytes())
    host.stored["max-players"] = "150"
    assert host.room.rollback(change.id, author="op", reason="no").rolled_back_at
    assert host.file.read_bytes() == b"#written anew\n" + TEXT
    assert amp.values[NODE] == "100"


def test_the_digest_of_an_approval_covers_amp_s_settings(host: Host) -> None:
    digest = host.room.plan([edit()]).plan.digest
    host.stored["max-players"] = "120"
    assert host.room.plan([edit()]).plan.digest != digest


def test_another_value_in_amp_than_planned_is_a_conflict(host: Host, amp: FakeAmp) -> None:
    amp.values[NODE] = "77"
    change = host.apply(edit())
    assert (change.status, "another value than planned" in change.message) == (
        ChangeStatus.FAILED, True,
    )  # fmt: skip
    assert (host.file.read_bytes(), amp.calls) == (TEXT, [])


def test_amp_that_holds_the_value_already_is_left_alone(host: Host, amp: FakeAmp) -> None:
    amp.values[NODE] = "150"
    assert host.apply(edit()).status is ChangeStatus.APPLIED
    assert amp.calls == []


@pytest.mark.parametrize(("mood", "said"), [("away", "does not answer"), ("deaf", "did not take")])
def test_what_amp_does_not_take_takes_the_file_back(
    host: Host, amp: FakeAmp, mood: str, said: str
) -> None:
    setattr(amp, mood, True)
    change = host.apply(edit())
    assert (change.status, said in change.message) == (ChangeStatus.FAILED, True)
    assert host.file.read_bytes() == TEXT


def test_a_file_that_fails_sets_amp_back(tmp_path: Path, amp: FakeAmp) -> None:
    def spoil(step: str) -> None:
        if step == "written":
            made.file.write_bytes(b"by=hand\n")

    made = Host(tmp_path, amp, on_step=spoil)
    assert made.apply(edit()).status is ChangeStatus.FAILED
    assert amp.values[NODE] == "100"


def test_amp_away_on_the_way_back_is_set_back_later(tmp_path: Path, amp: FakeAmp) -> None:
    def spoil(step: str) -> None:
        if step == "written":
            amp.away = True
            made.file.write_bytes(b"by=hand\n")

    made = Host(tmp_path, amp, on_step=spoil)
    change = made.apply(edit())
    assert "not everything could be undone yet" in change.message
    assert amp.values[NODE] == "150"
    amp.away = False
    (settled,) = Host(tmp_path, amp).room.recover()
    assert (settled.status, amp.values[NODE]) == (ChangeStatus.FAILED, "100")


@pytest.mark.parametrize("step", ["staged", "touched", "written", "verified"])
def test_killed_in_between_amp_is_as_before(tmp_path: Path, amp: FakeAmp, step: str) -> None:
    class Killed(BaseException):
        pass

    def kill(now: str) -> None:
        if now == step:
            raise Killed

    with pytest.raises(Killed):
        Host(tmp_path, amp, on_step=kill).apply(edit())
    host = Host(tmp_path, amp)
    host.room.recover()
    assert (host.file.read_bytes(), amp.values[NODE]) == (TEXT, "100")


@pytest.mark.parametrize(
    ("edits", "said"),
    [
        (edit("level", None, "x", operation=EditOperation.INSERT), "knows none for this key"),
        (edit(new=None, operation=EditOperation.UNSET), "cannot be taken out"),
        (edit("rcon.password", "hunter-secret", "new-secret"), "it is a secret"),
    ],
)
def test_what_could_not_last_is_refused_with_what_to_do(
    host: Host, edits: PlainEdit, said: str
) -> None:
    (refused,) = host.room.plan([edits]).plan.refused
    assert said in refused.reason
    assert "secret'" not in str(refused)


def test_without_amp_it_is_refused_with_the_node(tmp_path: Path) -> None:
    (refused,) = Host(tmp_path, None).room.plan([edit()]).plan.refused
    assert NODE in refused.reason
    assert "amp.url" in refused.reason
