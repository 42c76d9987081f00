"""From a change request to waves: which instances it changes, and in which order."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from homeamp_agent.changes import NotNowError, PlannedChange
from homeamp_agent.changes.standing import why_nothing
from homeamp_agent.model.change import Plan, RefusedEdit
from homeamp_agent.model.deployment import DEV_WAVE, Wave
from homeamp_agent.model.instance import Instance
from homeamp_agent.model.request import RequestedChange, RequestTargets
from homeamp_agent.rpc.desk import Desk
from homeamp_agent.settings.sections import DeploymentsSection

MAX_TOLD_NAMES = 5


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be deployed, and how; None leaves it to the settings.

    `dev` names the DEV instances, empty: none (it goes without DEV). `canary` names the production
    instance that comes first.
    """

    request: RequestedChange = field(repr=False)
    dev: tuple[str, ...] | None = None
    canary: str | None = None
    wave_size: int | None = None


@dataclass(frozen=True, slots=True)
class PlannedWave:
    """Instances that are written together, and exactly what would be written."""

    number: int
    instances: tuple[str, ...]
    plan: Plan


@dataclass(frozen=True, slots=True)
class PlannedDeployment:
    """Everything a deployment would do, were it started now. `notes` are lines for a person."""

    waves: tuple[PlannedWave, ...]
    refused: tuple[RefusedEdit, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """Ties an approval to the plans of all waves."""
        return digest_of((each.number, each.plan.digest) for each in self.waves)

    def as_waves(self, deployment_id: str) -> tuple[Wave, ...]:
        """The waves of a deployment of that id."""
        return tuple(
            Wave(
                number=each.number,
                instances=each.instances,
                change_id=f"{deployment_id}-w{each.number}",
                digest=each.plan.digest,
                files=len(each.plan.files),
            )
            for each in self.waves
        )


async def plan_deployment(
    desk: Desk, instances: Sequence[Instance], asked: Asked, section: DeploymentsSection
) -> PlannedDeployment:
    """The waves of a request on this host. Writes nothing.

    Raises:
        NotNowError: no DEV instance would be changed, or nothing of it can be done.
    """
    request = asked.request
    dev = _dev_instances(instances, asked, section)
    whole, notes = await desk.plan(request)
    planned: list[PlannedWave] = []
    refused: list[RefusedEdit] = [
        each for each in whole.plan.refused if each.edit.instance not in dev
    ]
    if dev:
        tried, _ = await desk.plan(wave_request(request, DEV_WAVE, dev))
        if not tried.plan.files:
            why = why_nothing(tried.plan, ("they hold these values already",))
            raise NotNowError(f"{', '.join(dev)} (DEV): {why}; name others, or go without DEV")
        planned.append(_wave(DEV_WAVE, tried))
        refused += tried.plan.refused
    targets = _in_order(whole, dev, asked.canary)
    if not targets and not planned:
        raise NotNowError(why_nothing(whole.plan, notes))
    size = asked.wave_size or section.wave_size
    groups = [targets[:1], *(targets[at : at + size] for at in range(1, len(targets), size))]
    for number, names in enumerate((each for each in groups if each), 1):
        part, _ = await desk.plan(wave_request(request, number, names))
        planned.append(_wave(number, part))
    if not targets:
        notes = (*notes, "no production instance would be changed")
    return PlannedDeployment(tuple(planned), tuple(refused), notes)


def wave_request(
    request: RequestedChange, number: int, instances: Iterable[str], change_id: str | None = None
) -> RequestedChange:
    """The change request of one wave. DEV gets every edit, whichever instances it is for."""
    edits = request.edits
    if number == DEV_WAVE:
        edits = tuple(each.model_copy(update={"instances": None}) for each in edits)
    return request.model_copy(
        update={
            "request_id": change_id,
            "targets": RequestTargets(instances=tuple(instances)),
            "edits": edits,
            "schedule": None,
        }
    )


def digest_of(waves: Iterable[tuple[int, str]]) -> str:
    """One digest of the plans of waves, given as number and digest."""
    text = "\n".join(f"{number}:{digest}" for number, digest in waves)
    return hashlib.sha256(text.encode()).hexdigest()


def _dev_instances(
    instances: Sequence[Instance], asked: Asked, section: DeploymentsSection
) -> tuple[str, ...]:
    known = {each.name for each in instances}
    wanted = asked.dev
    if wanted is None:
        tagged = [each.name for each in instances if section.dev_tag in each.tags]
        wanted = (*(each for each in section.dev_instances if each in known), *tagged)
        if not wanted:
            raise NotNowError(
                "no DEV instance is known here: name one (deployments.dev_instances, the tag"
                f" {section.dev_tag}, or `dev`), or go without DEV (`dev` empty)"
            )
    unknown = [each for each in wanted if each not in known]
    if unknown:
        raise NotNowError(f"DEV: {', '.join(unknown[:MAX_TOLD_NAMES])}: not on this host")
    return tuple(dict.fromkeys(wanted))


def _in_order(planned: PlannedChange, dev: Sequence[str], canary: str | None) -> list[str]:
    """The production instances that would be changed: the canary, then by name."""
    names = sorted({each.instance for each in planned.plan.files} - set(dev))
    if canary is None:
        return names
    if canary not in names:
        raise NotNowError(f"{canary} cannot be the canary: nothing would be changed there")
    return [canary, *(each for each in names if each != canary)]


def _wave(number: int, planned: PlannedChange) -> PlannedWave:
    names = sorted({each.instance for each in planned.plan.files})
    return PlannedWave(number, tuple(names), planned.plan)
