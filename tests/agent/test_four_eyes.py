"""Approval by another person, told apart by the kernel: root and `nobody` at a real socket."""

from __future__ import annotations

import contextlib
import os
import pwd
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")

EDIT = {"plugin": "Sample", "file": "config.yml", "path": ["spawn", "radius"], "new": 32}
ASKED = {"reason": "larger spawn", "edits": [{**EDIT, "instances": ["LOBBY01"]}]}
MIRA = pwd.getpwnam("nobody")
"""A user of every machine, in the part of the second person."""


@contextlib.contextmanager
def as_mira() -> Iterator[None]:
    """What connects meanwhile is hers: SO_PEERCRED holds the effective user at that moment."""
    os.setegid(MIRA.pw_gid)
    os.seteuid(MIRA.pw_uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)


@pytest.fixture
def two(host: Any) -> Iterator[tuple[Any, Any]]:
    """Lines of root and of mira to an agent that wants two persons for everything."""
    host.environment = {
        "HOMEAMP_ACCESS__OPERATE_USERS": "nobody",
        "HOMEAMP_CHANGES__APPROVAL": "other",
        "HOMEAMP_DEPLOYMENTS__APPROVAL": "other",
        "HOMEAMP_DEPLOYMENTS__DEV_INSTANCES": "SURV01",
        "HOMEAMP_DEPLOYMENTS__SOAK_S": "0",
        "HOMEAMP_DEPLOYMENTS__WAVE_SOAK_S": "0",
    }
    with tempfile.TemporaryDirectory() as folder:
        host.socket_folder = Path(folder)
        host.socket_folder.chmod(0o755)
        with host.running() as root:
            host.socket.chmod(0o666)  # as a socket of a group that both are in
            with as_mira():
                mira = host.connect()
            with contextlib.closing(mira):
                yield root, mira


def refusal(wire: Any, method: str, **params: Any) -> str:
    error = wire.ask(method, **params)["error"]
    assert error["data"]["kind"] == "refused"
    return str(error["message"])


def test_a_request_is_approved_by_the_other_person_and_by_nobody_else(
    host: Any, two: tuple[Any, Any]
) -> None:
    root, mira = two
    before = host.config("LOBBY01").read_bytes()
    for author, other, name in ((mira, root, "nobody"), (root, mira, "root")):
        change = author.call("changes.submit", request=ASKED)["change"]
        assert (change["author"], change["status"]) == (name, "pending_approval")
        own = refusal(author, "changes.approve", ids=[change["id"]])
        assert f"is {name}'s own: somebody else approves it" in own
        assert "approve it first" in refusal(author, "changes.apply", id=change["id"])
        assert host.config("LOBBY01").read_bytes() == before
        (approved,) = other.call("changes.approve", ids=[change["id"]])["changes"]
        assert approved["approved_by"] != name
        # Carrying out what two persons agreed on is for either of them.
        assert author.call("changes.apply", id=change["id"])["change"]["status"] == "applied"
        assert b"radius: 32" in host.config("LOBBY01").read_bytes()
        author.call("changes.rollback", id=change["id"])
    acts = root.call("changes.history", filter={"action": "change.approved"})["acts"]
    assert [each["who"] for each in acts] == ["nobody", "root"]
    acts = root.call("changes.history", filter={"action": "change.started"})["acts"]
    assert [each["who"] for each in acts] == ["root", "nobody"]


def test_fixing_at_once_is_no_way_around_the_other_person(host: Any, two: tuple[Any, Any]) -> None:
    _, mira = two
    before = {name: host.config(name).read_bytes() for name in ("LOBBY01", "SURV01")}
    ids = [each["id"] for each in mira.call("deviations.list")["deviations"]]
    why = refusal(mira, "deviations.fix", ids=ids)
    assert "somebody else approves" in why and "changes.submit" in why
    given = mira.call(
        "changes.submit", deviation_ids=ids, request={"reason": "as the baseline says"}
    )
    assert given["change"]["status"] == "pending_approval"
    assert {name: host.config(name).read_bytes() for name in before} == before


def test_a_deployment_goes_into_production_once_the_other_person_says_so(
    host: Any, two: tuple[Any, Any]
) -> None:
    root, mira = two
    asked = {"reason": "larger spawn", "edits": [EDIT]}
    root.call("events.subscribe", topics=["deployments"])
    name = mira.call("deployments.start", request=asked)["deployment"]["id"]

    def reached(stage: str) -> Any:
        while True:
            shown = root.call("deployments.show", id=name)
            if shown["deployment"]["stage"] == stage:
                return shown
            assert shown["deployment"]["stage"] not in {"failed", "aborted"}, shown
            root.event("deployments", "updated")

    shown = reached("awaiting_approval")
    assert any("waits for somebody else's approval" in each["text"] for each in shown["lines"])
    assert "deployments.approval" in refusal(mira, "deployments.approve", id=name)
    assert b"radius: 16" in host.config("LOBBY01").read_bytes()
    root.call("deployments.approve", id=name)
    deployment = reached("done")["deployment"]
    assert (deployment["author"], deployment["approved_by"]) == ("nobody", "root")
    assert b"radius: 32" in host.config("LOBBY01").read_bytes()
