"""What a request comes to on a host, and what a person is told of names that fit nothing."""

from __future__ import annotations

from typing import Any

from homeamp_agent.changes import Resolved, resolve
from homeamp_agent.model.instance import Instance, Platform, Plugin
from homeamp_agent.model.request import RequestedChange
from homeamp_agent.model.secret import Masker
from homeamp_agent.model.snapshot import InstanceSnapshot

HOST = {
    name: InstanceSnapshot(
        Instance(
            host="alder",
            name=name,
            platform=Platform.PAPER,
            tags=(tag,),
            plugins=(Plugin(name="Shop"),),
        ),
        {},
    )
    for name, tag in (("HUB01", "lobby"), ("SURV01", "survival"))
}


def resolved(targets: dict[str, Any], **edit: Any) -> Resolved:
    document = {
        "reason": "because",
        "targets": targets,
        "edits": [{"file": "a.yml", "path": ["a"], "new": 1, **edit}],
    }
    request = RequestedChange.model_validate(document)
    return resolve(request, HOST, Masker(b"k" * 32), lambda _: False)


def test_every_name_that_fits_nothing_is_told() -> None:
    found = resolved(
        {
            "tags": ["survival", "survivall"],
            "plugins": ["Shop", "Shopp"],
            "hosts": ["alder", "elder"],
            "platforms": ["paper", "fabric"],
            "exclude_instances": ["SURV1"],
        },
        exclude_instances=["HUB1"],
    )
    assert [each.instance for each in found.edits] == ["SURV01"]
    assert found.notes == (
        "the targets leave out SURV1: not on this host",
        "the targets name tag survivall: no instance of this host has it",
        "the targets name host elder: no instance of this host has it",
        "the targets name platform fabric: no instance of this host has it",
        "the targets name plugin Shopp: no instance of this host has it",
        "edit 1 leaves out HUB1: not on this host",
    )


def test_a_thousand_names_that_fit_nothing_are_one_short_line() -> None:
    found = resolved({"instances": ["SURV01", *(f"S{each}" + "y" * 500 for each in range(999))]})
    (note,) = found.notes
    assert note.endswith("and 989 more: not on this host")
    assert len(note) < 1000
