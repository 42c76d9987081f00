"""From deviations to edits: what would put each right, or why nothing here can."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from homeamp_agent.baselines import Resolved, Resolver
from homeamp_agent.changes import PlainEdit
from homeamp_agent.model.change import EditOperation
from homeamp_agent.model.deviation import Deviation, DeviationKind, DeviationStatus
from homeamp_agent.model.rule import ConditionKind
from homeamp_agent.model.secret import holds_mask
from homeamp_agent.model.setting import Value
from homeamp_agent.rpc.protocol.messages import Skipped
from homeamp_agent.rpc.rooms import DriftRoom

_KIND_REASONS = {
    DeviationKind.MISSING_FILE: "a whole file is missing: start the plugin once, or copy it",
    DeviationKind.MISSING_PLUGIN: "a plugin is missing: install it",
    DeviationKind.UNEXPECTED_PLUGIN: "a plugin is too many: remove its jar",
    DeviationKind.UNREADABLE: (
        "the file cannot be read, so no edit of it can be proven right; a line edit may be possible"
    ),
    DeviationKind.NOT_UNIQUE: "flag the instance that is to get another value with that value",
    DeviationKind.RULE_CONFLICT: "two rules disagree: settle that in the baseline",
    DeviationKind.UNRESOLVED_VARIABLE: "a variable has no value: give it one in rules.yaml",
}
_STATUS_REASONS = {
    DeviationStatus.APPROVED: "it is approved: reopen it first",
    DeviationStatus.FIXING: "it is being fixed",
    DeviationStatus.FIXED: "it is fixed",
    DeviationStatus.RESOLVED: "it is gone by itself",
}
SEVERAL_VALUES = "the rule allows several values: flag it with the one to write"


class NotFixable(Exception):
    """No edit puts this right; the text says why, and what to do instead."""


@dataclass(slots=True)
class Edits:
    """Makes edits for deviations; plain values of secrets come from the rules at this moment."""

    drift: DriftRoom
    _resolved: dict[tuple[str, str | None], list[Resolved]] = field(default_factory=dict)

    def of(self, deviations: Iterable[Deviation]) -> tuple[list[PlainEdit], list[Skipped]]:
        """The edits of those that can be fixed, and why the others cannot."""
        edits: list[PlainEdit] = []
        skipped: list[Skipped] = []
        for deviation in deviations:
            try:
                edits.append(self.edit(deviation))
            except NotFixable as error:
                skipped.append(Skipped(id=deviation.id, reason=str(error)))
        return edits, skipped

    def edit(self, deviation: Deviation) -> PlainEdit:
        """The edit that puts the deviation right.

        Raises:
            NotFixable: there is none.
        """
        reason = _STATUS_REASONS.get(deviation.status)
        if not deviation.can_be_written:
            reason = reason or _KIND_REASONS.get(deviation.kind)
        if reason is not None:
            raise NotFixable(reason)
        if not deviation.can_be_written or deviation.file is None or deviation.path is None:
            raise NotFixable("it is about a whole file, not about a setting in it")
        operation, new = self._act(deviation)
        return PlainEdit(
            instance=deviation.instance,
            file=deviation.file,
            path=deviation.path,
            operation=operation,
            **({} if operation is EditOperation.INSERT else {"expected_old": deviation.actual}),
            new=new,
            plugin=deviation.plugin,
            deviation_id=deviation.id,
            restart=self.drift.baselines.knowledge.of(deviation.plugin).restart,
        )

    def _act(self, deviation: Deviation) -> tuple[EditOperation, Value]:
        if deviation.kind is DeviationKind.EXTRA_KEY:
            return EditOperation.UNSET, None
        missing = deviation.kind is DeviationKind.MISSING_KEY
        operation = EditOperation.INSERT if missing else EditOperation.SET
        if deviation.replacement is not None:
            return operation, deviation.replacement
        return operation, self._plain_expectation(deviation)

    def _plain_expectation(self, deviation: Deviation) -> Value:
        resolved = self._rule_for(deviation)
        kind = resolved.condition.kind
        if kind is ConditionKind.EQUALS:
            return resolved.condition.value
        if kind is ConditionKind.SAME_AS and not holds_mask(deviation.expected):
            return deviation.expected
        if kind is ConditionKind.SAME_AS:
            raise NotFixable("it is to be the same as a secret elsewhere: copy that by hand")
        if kind is ConditionKind.PRESENT:
            raise NotFixable("the rule says only that it must be there: flag it with a value")
        raise NotFixable(SEVERAL_VALUES)

    def _rule_for(self, deviation: Deviation) -> Resolved:
        for each in self._resolved_on(deviation.instance, deviation.plugin):
            same_place = each.path == deviation.path if each.path else each.key == deviation.key
            if each.file == deviation.file and same_place:
                return each
        raise NotFixable("no rule speaks of it any more: scan again")

    def _resolved_on(self, instance: str, plugin: str | None) -> list[Resolved]:
        if (instance, plugin) not in self._resolved:
            snapshot = self.drift.snapshots.get(instance)
            if snapshot is None:
                raise NotFixable(f"there is no instance {instance} any more")
            resolver: Resolver = self.drift.resolver
            self._resolved[instance, plugin] = resolver.resolve_plugin(snapshot, plugin)
        return self._resolved[instance, plugin]


def as_requested(edit: PlainEdit) -> dict[str, Any]:
    """The edit as a change request says it. Holds the plain value of a secret."""
    asked: dict[str, Any] = {
        "file": edit.file,
        "path": list(edit.path),
        "operation": edit.operation.value,
        "instances": [edit.instance],
    }
    if edit.operation is not EditOperation.INSERT:
        asked["expected_old"] = edit.expected_old
    if edit.operation is not EditOperation.UNSET:
        asked["new"] = edit.new
    return asked
