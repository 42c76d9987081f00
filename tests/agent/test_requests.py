"""Change requests over the wire: handed in, approved, carried out; on real files, over restarts."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from homeamp_agent.changes import RequestBook

RADIUS = {"plugin": "Sample", "file": "config.yml", "path": ["spawn", "radius"]}


def request(*edits: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"reason": "larger spawn", "edits": [{**RADIUS, **each} for each in edits], **more}


@pytest.fixture
def wire(host: Any) -> Iterator[Any]:
    with host.running() as wire:
        yield wire


def radius(host: Any, instance: str) -> str:
    text: str = host.config(instance).read_text("utf-8")
    return next(line.strip() for line in text.splitlines() if "radius" in line)


def test_a_request_is_planned_approved_carried_out_and_rolled_back(host: Any, wire: Any) -> None:
    before = {name: host.config(name).read_bytes() for name in ("LOBBY01", "SURV01")}
    asked = request({"expected_old": 16, "new": 32}, priority="high")
    preview = wire.call("changes.preview", request=asked)
    assert {each["instance"] for each in preview["plan"]["files"]} == set(before)
    assert all("-  radius: 16" in each["diff"] for each in preview["plan"]["files"])
    assert preview["plan"]["restarts"] == ["LOBBY01", "SURV01"]

    given = wire.call("changes.submit", request=asked)
    assert given["plan"] == preview["plan"]
    change = given["change"]
    assert (change["status"], change["priority"], change["source"]) == (
        "pending_approval", "high", "rpc",
    )  # fmt: skip
    early = wire.ask("changes.apply", id=change["id"])["error"]
    assert (early["data"]["kind"], "approve it first" in early["message"]) == ("refused", True)
    assert {name: host.config(name).read_bytes() for name in before} == before

    digest = preview["plan"]["digest"]
    (approved,) = wire.call("changes.approve", ids=[change["id"]], digest=digest)["changes"]
    assert (approved["status"], approved["digest"]) == ("approved", digest)
    assert approved["approved_by"]
    done = wire.call("changes.apply", id=change["id"], digest=digest)["change"]
    assert (done["status"], done["priority"]) == ("applied", "high")
    assert {radius(host, name) for name in before} == {"radius: 32"}
    shown = wire.call("changes.show", id=change["id"])["change"]
    assert shown["approved_by"] == approved["approved_by"]
    assert [each["id"] for each in wire.call("changes.list")["changes"]] == [change["id"]]

    back = wire.call("changes.rollback", id=change["id"])["change"]
    assert back["status"] == "rolled_back"
    assert {name: host.config(name).read_bytes() for name in before} == before


def test_conflicts_and_refusals_are_listed_per_edit_before_anything_is_written(
    host: Any, wire: Any
) -> None:
    before = host.config("SURV01").read_bytes()
    only = {"instances": ["SURV01"]}
    asked = request(
        {**only, "expected_old": 17, "new": 32},
        {**only, "path": ["spawn", "nothing"], "new": 1},
        {**only, "plugin": "Missing", "new": 1},
        {**only, "file": "../../../escape.yml", "new": 1},
        {"instances": ["NONE"], "new": 1},
        {**only, "path": ["spawn", "enabled"], "new": False},
    )
    given = wire.call("changes.submit", request=asked)
    refused = {
        json.dumps([each["edit"]["file"], each["edit"]["path"]]): each
        for each in given["plan"]["refused"]
    }
    assert len(given["plan"]["refused"]) == 4
    reasons = " ".join(each["reason"] for each in refused.values())
    for words in ("it holds 16", "no longer there", "no plugin Missing", "leads out"):
        assert words in reasons
    assert sorted(each["conflict"] for each in given["plan"]["refused"]) == [
        False, False, True, True,
    ]  # fmt: skip
    assert given["notes"] == ["edit 5 names NONE: not on this host"]
    assert host.config("SURV01").read_bytes() == before
    nothing = request({**only, "expected_old": 17, "new": 32})
    error = wire.ask("changes.submit", request=nothing)["error"]
    assert error["data"]["kind"] == "refused"
    assert "it holds 16" in error["message"]


@pytest.mark.parametrize(
    ("asked", "place"),
    [
        ({"edits": []}, "reason"),
        (request({"new": 1, "path": []}), "edit 1: path"),
        (request({"new": 1, "value": 2}), "edit 1: value"),
        (request({}), "edit 1"),
        (request({"new": 1}, targets={"tag": ["x"]}), "targets.tag"),
    ],
)
def test_what_is_no_request_is_answered_with_its_place(
    wire: Any, asked: dict[str, Any], place: str
) -> None:
    for method in ("changes.submit", "changes.preview"):
        error = wire.ask(method, request=asked)["error"]
        assert error["data"]["kind"] == "invalid_params"
        assert place in error["message"]


def test_a_plan_that_no_longer_holds_goes_back_to_be_approved(host: Any, wire: Any) -> None:
    file = host.config("LOBBY01")
    asked = request({"instances": ["LOBBY01"], "new": 32})
    change = wire.call("changes.submit", request=asked)["change"]
    file.write_bytes(file.read_bytes().replace(b"16", b"17"))
    conflict = wire.ask("changes.approve", ids=[change["id"]])["error"]
    assert conflict["data"]["kind"] == "conflict"
    digest = wire.call("changes.preview", id=change["id"])["plan"]["digest"]
    wire.call("changes.approve", ids=[change["id"]], digest=digest)

    file.write_bytes(file.read_bytes().replace(b"17", b"18"))
    conflict = wire.ask("changes.apply", id=change["id"])["error"]
    assert conflict["data"]["kind"] == "conflict"
    shown = wire.call("changes.show", id=change["id"])["change"]
    assert (shown["status"], shown["approved_by"]) == ("pending_approval", None)
    assert "-  radius: 18" in shown["files"][0]["diff"]
    assert radius(host, "LOBBY01") == "radius: 18"


def test_a_rejected_or_withdrawn_request_stays_so(host: Any, wire: Any) -> None:
    def submitted() -> str:
        asked = request({"instances": ["LOBBY01"], "new": 32})
        return str(wire.call("changes.submit", request=asked)["change"]["id"])

    rejected, cancelled = submitted(), submitted()
    wire.call("changes.reject", ids=[rejected], reason="too large")
    wire.call("changes.approve", ids=[cancelled])
    wire.call("changes.cancel", ids=[cancelled], reason="changed my mind")
    states = {each["id"]: each for each in wire.call("changes.list")["changes"]}
    assert (states[rejected]["status"], states[rejected]["message"]) == ("rejected", "too large")
    assert states[cancelled]["status"] == "cancelled"
    for method in ("approve", "reject", "cancel"):
        answer = wire.call(f"changes.{method}", ids=[rejected, cancelled])
        assert (answer["changes"], len(answer["skipped"])) == ([], 2)
    assert wire.ask("changes.apply", id=rejected)["error"]["data"]["kind"] == "refused"

    late = submitted()
    wire.call("changes.approve", ids=[late])
    decisions = [("changes.cancel", {"ids": [late]}), ("changes.apply", {"id": late})]
    cancel, apply = wire.at_once(*decisions)
    assert cancel["result"]["changes"][0]["status"] == "cancelled"
    assert "is cancelled" in apply["error"]["message"]
    assert radius(host, "LOBBY01") == "radius: 16"


def test_of_requests_for_one_file_at_once_one_is_written_and_the_others_are_looked_at_again(
    host: Any, wire: Any
) -> None:
    ids = []
    for value in (31, 32, 33):
        asked = request({"instances": ["LOBBY01"], "new": value})
        ids.append(wire.call("changes.submit", request=asked)["change"]["id"])
    wire.call("changes.approve", ids=ids)
    replies = wire.at_once(*(("changes.apply", {"id": each}) for each in ids))
    done = [each["result"]["change"]["status"] for each in replies if "result" in each]
    kinds = [each["error"]["data"]["kind"] for each in replies if "error" in each]
    assert (done, kinds) == (["applied"], ["conflict", "conflict"])
    states = [each["status"] for each in wire.call("changes.list")["changes"]]
    assert sorted(states) == ["applied", "pending_approval", "pending_approval"]


def test_a_request_handed_in_twice_is_one_request(wire: Any) -> None:
    asked = request({"new": 32}, request_id="chg-7")
    first = wire.call("changes.submit", request=asked)["change"]
    assert first["id"] == "chg-7"
    assert wire.call("changes.submit", request=asked)["change"]["created_at"] == first["created_at"]
    other = request({"new": 33}, request_id="chg-7")
    assert wire.ask("changes.submit", request=other)["error"]["data"]["kind"] == "conflict"
    tried = wire.call("changes.submit", request=request({"new": 34}), dry_run=True)
    assert tried["plan"]["files"]
    assert [each["id"] for each in wire.call("changes.list")["changes"]] == ["chg-7"]
    (row,) = wire.call("deviations.list", filter={"key": "spawn.enabled"})["deviations"]
    fix = wire.call("deviations.fix", ids=[row["id"]], reason="r")["change"]["id"]
    taken = wire.ask("changes.submit", request=request({"new": 35}, request_id=fix))["error"]
    assert taken["message"] == f"another change has the id {fix}"


def test_approved_requests_survive_a_kill_and_secrets_stay_in_private_files(host: Any) -> None:
    host.start()
    wire = host.connect()
    wire.call("agent.rescan")
    secret = {"path": ["database", "password"], "new": "brand-new-Z9", "instances": ["SURV01"]}
    given = wire.call("changes.submit", request=request(secret, {"new": 32}))
    wire.call("changes.approve", ids=[given["change"]["id"]])
    assert "brand-new-Z9" not in json.dumps(given)
    assert "brand-new-Z9" not in json.dumps(wire.call("changes.show", id=given["change"]["id"]))
    wire.close()
    host.stop(signal.SIGKILL)
    holders = [
        each for each in host.state.rglob("*")
        if each.is_file() and b"brand-new-Z9" in each.read_bytes()
    ]  # fmt: skip
    assert [(each.parent.name, each.stat().st_mode & 0o777) for each in holders] == [
        ("requests", 0o600)
    ]
    with host.running() as wire:
        shown = wire.call("changes.show", id=given["change"]["id"])["change"]
        assert shown["status"] == "approved"
        done = wire.call("changes.apply", id=given["change"]["id"])["change"]
        assert done["status"] == "applied"
        assert b"brand-new-Z9" in host.config("SURV01").read_bytes()
    assert not any(b"brand-new-Z9" in each.read_bytes() for each in
                   (host.state / "requests").iterdir())  # fmt: skip
    assert "brand-new-Z9" not in host.log


def test_what_is_scheduled_is_carried_out_when_it_is_due_also_after_a_restart(host: Any) -> None:
    due = datetime.now(UTC) + timedelta(seconds=4)
    soon = {"not_before": due.isoformat()}
    with host.running() as wire:
        given = wire.call("changes.submit", request=request({"new": 32}, schedule=soon))
        (approved,) = wire.call("changes.approve", ids=[given["change"]["id"]])["changes"]
        assert approved["status"] == "scheduled"
        assert radius(host, "SURV01") == "radius: 16"
    with host.running() as wire:
        wire.call("events.subscribe", topics=["changes"])
        while (shown := wire.call("changes.show", id=given["change"]["id"])["change"])[
            "status"
        ] != "applied":
            assert shown["status"] in {"scheduled", "applying"}
            wire.event("changes", "updated")
        assert radius(host, "SURV01") == "radius: 32"
        assert datetime.now(UTC) >= due


def test_where_another_must_approve_the_author_may_not(host: Any) -> None:
    host.environment = {"HOMEAMP_CHANGES__APPROVAL": "other"}
    with host.running() as wire:
        given = wire.call("changes.submit", request=request({"new": 32}))
        refused = wire.ask("changes.approve", ids=[given["change"]["id"]])["error"]
        assert "somebody else approves it" in refused["message"]
    host.environment = {"HOMEAMP_CHANGES__APPROVAL": "at_once"}
    with host.running() as wire:
        given = wire.call("changes.submit", request=request({"new": 32}))
        assert given["change"]["status"] == "approved"


@pytest.mark.parametrize("policy", ["stop_write_start", "on_restart"])
def test_without_amp_a_policy_that_needs_it_is_refused_with_what_to_do(
    wire: Any, policy: str
) -> None:
    refused = wire.ask("changes.submit", request=request({"new": 32}, write_policy=policy))["error"]
    assert refused["data"]["kind"] == "refused"
    assert refused["message"].startswith(f"{policy} needs AMP")
    assert "amp.url" in refused["message"]
    assert wire.call("changes.list")["changes"] == []


def test_a_request_that_cannot_be_read_after_a_restart_is_named(host: Any) -> None:
    with host.running() as wire:
        given = wire.call("changes.submit", request=request({"new": 32}))["change"]["id"]
    (host.state / "requests" / f"{given}.json").write_text("{")
    (problem,) = RequestBook(host.state).problems
    assert given in problem
    with host.running() as wire:
        assert any(given in each for each in wire.call("agent.status")["problems"])
        assert wire.ask("changes.show", id=given)["error"]["data"]["kind"] == "not_found"
    assert (host.state / "requests" / f"{given}.json").exists()


def test_both_shapes_of_the_original_system_are_taken_over_with_notes(host: Any, wire: Any) -> None:
    change = {
        "plugin": "Sample", "config_file": "config.yml", "key_path": "spawn.radius",
        "expected_value": 16, "new_value": 32, "applies_to_servers": "all",
        "excluded_servers": ["SURV01"],
    }  # fmt: skip
    upload = {"change_id": "old-1", "created_by": "operator", "reason": "r", "priority": "high"}
    given = wire.call("changes.submit", request={**upload, "changes": [change]})
    assert (given["change"]["id"], given["change"]["priority"]) == ("old-1", "high")
    assert [each["instance"] for each in given["plan"]["files"]] == ["LOBBY01"]
    assert any("change upload" in each for each in given["notes"])

    file = "plugins/Sample/config.yml"
    lines = {"action": "replace_line", "file_path": file, "old_line": "  radius: 16"}
    comment = {"action": "add_line", "file_path": file, "new_line": "# checked"}
    asked = {
        "request_id": "old-2",
        "target_servers": ["SURV01"],
        "changes": [{**lines, "new_line": "  radius: 48"}, comment],
    }
    given = wire.call("changes.submit", request=asked)
    assert "+  radius: 48" in given["plan"]["files"][0]["diff"]
    assert any("holds no setting" in each for each in given["notes"])
    wire.call("changes.approve", ids=["old-2"])
    assert wire.call("changes.apply", id="old-2")["change"]["status"] == "applied"
    assert radius(host, "SURV01") == "radius: 48"
    nothing = wire.ask("changes.submit", request={**asked, "request_id": "x", "changes": [comment]})
    assert nothing["error"]["data"]["kind"] == "invalid_params"


def test_a_request_is_composed_of_deviations_or_of_a_text(host: Any, wire: Any) -> None:
    rows = wire.call("deviations.list")["deviations"]
    ids = [row["id"] for row in rows if row["kind"] == "value"]
    secret = next(row for row in rows if row["key"] == "database.password")
    said = {"reason": "as agreed", "schedule": {"not_before": "2099-01-01T00:00:00+00:00"}}
    shown = wire.call("changes.submit", request=said, deviation_ids=[*ids, "none"], dry_run=True)
    assert [each["id"] for each in shown["skipped"]] == ["none"]
    assert {each["instance"] for each in shown["plan"]["files"]} == {"LOBBY01", "SURV01"}
    assert "right-secret-A1" not in json.dumps(shown)
    assert wire.call("changes.list")["changes"] == []

    change = wire.call("changes.submit", request=said, deviation_ids=ids)["change"]
    assert (change["status"], change["not_before"][:4]) == ("pending_approval", "2099")
    wire.call("changes.approve", ids=[change["id"]], digest=shown["plan"]["digest"])
    assert wire.call("changes.apply", id=change["id"])["change"]["status"] == "applied"
    assert "right-secret-A1" in host.config(secret["instance"]).read_text("utf-8")
    assert "right-secret-A1" not in json.dumps(wire.call("changes.history")["acts"])

    text = json.dumps(request({"new": 64}, write_policy="now"))
    given = wire.call("changes.submit", text=text, request={"reason": "mine", "priority": "high"})
    assert [given["change"][each] for each in ("reason", "priority", "write_policy")] == [
        "mine", "high", "now",
    ]  # fmt: skip
    mistakes: tuple[dict[str, Any], ...] = ({"edits": []}, {"reason": ""}, {"other": 1})
    for wrong in mistakes:
        assert wire.ask("changes.submit", text=text, request=wrong)["error"]["code"] == -32602
    assert "line 1" in wire.ask("changes.submit", text="{")["error"]["message"]
    assert wire.ask("changes.submit", text=text, deviation_ids=ids)["error"]["code"] == -32602
    assert wire.ask("changes.submit")["error"]["code"] == -32602
    nothing = wire.ask("changes.submit", request=said, deviation_ids=["none"])["error"]
    assert "nothing can be fixed: no such deviation" in nothing["message"]
