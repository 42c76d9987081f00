"""From a request, which speaks of many instances, to edits of the files of this host.

    resolved = resolve(request, snapshots, masker, restart_of)
    planned = room.plan(resolved.edits)

Reads nothing from the disk: what was last scanned tells which instances, plugins and files there
are. An edit that fits nowhere is refused with the reason; whether it can be made is for the plan.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from homeamp_agent.changes.edit import ANY_VALUE, PlainEdit
from homeamp_agent.changes.plan import PlannedChange
from homeamp_agent.changes.reading import first_notes
from homeamp_agent.model.change import EditOperation, RefusedEdit
from homeamp_agent.model.request import RequestedChange, RequestedEdit, RequestTargets
from homeamp_agent.model.secret import Masker
from homeamp_agent.model.setting import KeyPath
from homeamp_agent.model.snapshot import MISSING, FileSnapshot, InstanceSnapshot

MAX_RESOLVED_EDITS = 50_000
"""A thousand edits on fifty instances: more is a mistake, and a plan of minutes."""


MAX_TOLD_NAMES = 10
MAX_TOLD_CHARACTERS = 60
"""Of a name: notes are read, and go with the request wherever it is listed."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """What a request comes to on this host; `notes` are lines for a person."""

    edits: tuple[PlainEdit, ...] = ()
    refused: tuple[RefusedEdit, ...] = ()
    notes: tuple[str, ...] = ()

    def with_refused(self, planned: PlannedChange) -> PlannedChange:
        """The plan of these edits, which also tells of those that fit nowhere."""
        refused = (*self.refused, *planned.plan.refused)
        return replace(planned, plan=planned.plan.model_copy(update={"refused": refused}))


def resolve(
    request: RequestedChange,
    snapshots: Mapping[str, InstanceSnapshot],
    masker: Masker,
    restart_of: Callable[[str | None], bool],
) -> Resolved:
    """The edits of a request on the instances that `snapshots` know, by name.

    `restart_of` says whether a plugin (None: the game) takes a change only at its start.
    """
    meant = {name: each for name, each in snapshots.items() if request.targets.match(each.instance)}
    notes = _unknown_targets(request.targets, snapshots)
    if not meant:
        notes.append("no instance of this host is meant")
    edits: list[PlainEdit] = []
    refused: list[RefusedEdit] = []
    for number, edit in enumerate(request.edits, 1):
        chosen = meant if edit.instances is None else _named(edit.instances, meant)
        chosen = {name: each for name, each in chosen.items() if name not in edit.exclude_instances}
        notes += _unknown(edit.instances or (), snapshots, f"edit {number} names")
        notes += _unknown(edit.exclude_instances, snapshots, f"edit {number} leaves out")
        notes += _left_out(edit.instances or (), snapshots, meant, number)
        without: list[str] = []
        for snapshot in chosen.values():
            if edit.plugin is not None and snapshot.instance.plugin(edit.plugin) is None:
                without.append(snapshot.instance.name)
                continue
            edits.append(_plain(edit, snapshot, restart_of))
        if without and (edit.instances is not None or request.targets.instances):
            reason = f"this instance has no plugin {edit.plugin}"
            refused += [_refused(edit, name, masker, reason) for name in without]
        elif without:
            notes.append(
                f"edit {number}: {len(without)} of {len(chosen)} instances have no plugin "
                f"{edit.plugin}"
            )
        if len(edits) > MAX_RESOLVED_EDITS:
            notes.append(f"more than {MAX_RESOLVED_EDITS:,} edits: split the request")
            return Resolved((), tuple(refused), first_notes(notes))
    return Resolved(tuple(edits), tuple(refused), first_notes(notes))


def _named(
    names: Iterable[str], meant: Mapping[str, InstanceSnapshot]
) -> dict[str, InstanceSnapshot]:
    return {name: meant[name] for name in dict.fromkeys(names) if name in meant}


def _unknown_targets(
    targets: RequestTargets, snapshots: Mapping[str, InstanceSnapshot]
) -> list[str]:
    """A name that fits nothing is a slip of the pen, or another host's: a person sees which."""
    instances = [each.instance for each in snapshots.values()]
    tags = {tag for each in instances for tag in each.tags}
    plugins = [name for name in targets.plugins if not any(each.plugin(name) for each in instances)]
    kinds: dict[str, Iterable[str]] = {
        "tag": [tag for tag in targets.tags if tag not in tags],
        "host": sorted(set(targets.hosts) - {each.host for each in instances}),
        "platform": sorted(set(targets.platforms) - {each.platform for each in instances}),
        "plugin": plugins,
    }
    return [
        *_unknown(targets.instances, snapshots, "the targets name"),
        *_unknown(targets.exclude_instances, snapshots, "the targets leave out"),
        *(
            f"the targets name {kind} {_names(names)}: no instance of this host has it"
            for kind, names in kinds.items()
            if names
        ),
    ]


def _unknown(
    names: Iterable[str], snapshots: Mapping[str, InstanceSnapshot], who: str
) -> list[str]:
    unknown = [name for name in names if name not in snapshots]
    return [f"{who} {_names(unknown)}: not on this host"] if unknown else []


def _names(names: Iterable[str]) -> str:
    """The first of them; a request may name a thousand, each as long as it likes."""
    texts = [name[:MAX_TOLD_CHARACTERS] for name in dict.fromkeys(names)]
    more = f" and {len(texts) - MAX_TOLD_NAMES:,} more" if len(texts) > MAX_TOLD_NAMES else ""
    return ", ".join(texts[:MAX_TOLD_NAMES]) + more


def _left_out(
    names: Iterable[str],
    snapshots: Mapping[str, InstanceSnapshot],
    meant: Mapping[str, InstanceSnapshot],
    number: int,
) -> list[str]:
    left_out = [name for name in names if name in snapshots and name not in meant]
    if not left_out:
        return []
    return [f"edit {number} names {_names(left_out)}, which the targets leave out"]


def _plain(
    edit: RequestedEdit, snapshot: InstanceSnapshot, restart_of: Callable[[str | None], bool]
) -> PlainEdit:
    file = _file(edit, snapshot)
    known = snapshot.files.get(file)
    plugin = known.plugin if known is not None else edit.plugin
    expected = edit.expected_old if edit.expects else ANY_VALUE
    return PlainEdit(
        instance=snapshot.instance.name,
        file=file,
        path=_path(edit, known),
        operation=edit.operation,
        expected_old=MISSING if edit.operation is EditOperation.INSERT else expected,
        new=edit.new,
        plugin=plugin,
        restart=restart_of(plugin),
        line_edit=edit.line_edit,
    )


def _file(edit: RequestedEdit, snapshot: InstanceSnapshot) -> str:
    """The file below the game folder: in the plugin's folder if it is there, else as it is said."""
    if edit.plugin is None:
        return edit.file
    plugin = snapshot.instance.plugin(edit.plugin)
    folder = plugin.folder if plugin is not None else None
    if not folder or folder == ".":
        return edit.file
    inside = f"{folder}/{edit.file}"
    return edit.file if inside not in snapshot.files and edit.file in snapshot.files else inside


def _path(edit: RequestedEdit, file: FileSnapshot | None) -> KeyPath:
    """The path as it is said; of one dotted text, the one key of the file that reads so."""
    only = edit.path[0]
    if len(edit.path) > 1 or not isinstance(only, str) or "." not in only:
        return edit.path
    table = file.table if file is not None else None
    if table is not None and table.has(edit.path):
        return edit.path
    found = table.find(only) if table is not None else []
    return found[0] if len(found) == 1 else tuple(only.split("."))


def _refused(edit: RequestedEdit, instance: str, masker: Masker, reason: str) -> RefusedEdit:
    plain = PlainEdit(
        instance=instance,
        file=edit.file,
        path=edit.path,
        operation=edit.operation,
        expected_old=edit.expected_old if edit.expects else ANY_VALUE,
        new=edit.new,
        plugin=edit.plugin,
        line_edit=edit.line_edit,
    )
    return RefusedEdit(edit=plain.wire(masker), conflict=False, reason=reason)
