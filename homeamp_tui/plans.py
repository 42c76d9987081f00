"""Plans, changes and what became of them, as lines to read before saying yes."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content

from homeamp_agent.model.change import (
    AmpOwnedEdit,
    ChangeRequest,
    FilePlan,
    LineChange,
    Plan,
    RefusedEdit,
)
from homeamp_agent.model.setting import dotted
from homeamp_agent.rpc.protocol.messages import ChangesPreviewResult, Skipped
from homeamp_tui.unified import Changed, Hunk, parts
from homeamp_tui.widgets.diff_view import Line, diff_lines, heading_line, note_lines
from homeamp_tui.words import plain, plural

REASONS_SHOWN = 100
NAMES_SHOWN = 12
"""Of instances in a summary; every file stands below with its own."""
_BLANK: Line = (("", "diff--plain"),)


def edits_of(plan: Plan) -> int:
    """How many settings the plan changes."""
    return sum(len(file.edits) for file in plan.files)


def plan_summary(previews: Sequence[tuple[str, ChangesPreviewResult]]) -> Content:
    """What would happen, in two lines."""
    plans = [preview.plan for _, preview in previews]
    files = [file for plan in plans for file in plan.files]
    places = {
        (host, file.instance, file.file) for host, each in previews for file in each.plan.files
    }
    instances = {(host, file.instance) for host, each in previews for file in each.plan.files}
    several = len({host for host, _ in instances}) > 1
    restarts = sorted(
        {
            f"{host} › {name}" if several else name
            for host, each in previews
            for name in each.plan.restarts
        }
    )
    refused = [refused for plan in plans for refused in plan.refused]
    left_out = len(refused) + sum(len(preview.skipped) for _, preview in previews)
    text = Content.assemble(
        (plural(sum(map(edits_of, plans)), "setting"), "bold"),
        f" in {plural(len(places), 'file')} on {plural(len(instances), 'instance')}",
    )
    if restarts:
        text += Content.assemble(
            ("\n↻ takes effect after a restart of ", "$muted"), plain(_some(restarts))
        )
    if unproven := sum(file.line_edit is not None for file in files):
        text += Content.styled(f"\n! {plural(unproven, 'line edit')}, unproven", "$warning")
    if left_out:
        conflicts = sum(each.conflict for each in refused)
        words = f"\n! {plural(left_out, 'edit')} left out"
        words += f", {plural(conflicts, 'conflict')}" if conflicts else ""
        text += Content.styled(words + ", see the end", "$warning")
    return text


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:NAMES_SHOWN])
    more = len(names) - NAMES_SHOWN
    return shown if more <= 0 else f"{shown} and {more:,} more"


def plan_lines(previews: Sequence[tuple[str, ChangesPreviewResult]]) -> list[Line]:
    """Every file's diff, then what is left out and why."""
    lines: list[Line] = []
    for host, preview in previews:
        for file in preview.plan.files:
            lines += [_file_heading(host, file), *line_edit_lines(file.line_edit)]
            lines += diff_lines(file.diff)
            lines += [*amp_lines(file.amp_owned), _BLANK]
    for host, preview in previews:
        lines += left_out_lines(host, preview.plan.refused, preview.skipped)
    return lines or note_lines("Nothing would change.")


def amp_lines(owned: Sequence[AmpOwnedEdit], *, undo: bool = False) -> list[Line]:
    """AMP's own settings that are set along with a file; `undo`: set back."""
    lines: list[Line] = []
    for each in owned:
        values = (each.after, each.before) if undo else (each.before, each.after)
        words = f"AMP owns it: {each.node} is set too, {values[0] or '(empty)'} → {values[1]}"
        lines += note_lines(plain(words), "diff--warning")
    return lines


def line_edit_lines(change: LineChange | None) -> list[Line]:
    """That a file's diff is a line edit, why, and what is known of it."""
    if change is None:
        return []
    known = (
        "then the file can be read, and the setting was seen to be as wanted"
        if change.readable_after
        else "then the file still cannot be read"
    )
    at = "" if change.unread_column is None else f", column {change.unread_column}"
    where = "" if change.unread_line is None else f" at line {change.unread_line}{at}"
    return [
        *note_lines(f"! UNPROVEN line edit: reading stops{where}", "diff--warning"),
        *note_lines(plain(f"  {change.unread}")),
        *note_lines(f"  {known}", "diff--warning"),
    ]


def left_out_lines(
    host: str, refused: Sequence[RefusedEdit], skipped: Sequence[Skipped] = ()
) -> list[Line]:
    """Edits that are not made, each with its reason."""
    lines = [line for each in refused[:REASONS_SHOWN] for line in _refusal(host, each)]
    counted: dict[str, int] = {}
    for each in skipped:
        counted[each.reason] = counted.get(each.reason, 0) + 1
    for reason, count in counted.items():
        words = f"left out on {host}: {plural(count, 'deviation')}: {reason}"
        lines += note_lines(words, "diff--warning")
    if len(refused) > REASONS_SHOWN:
        lines += note_lines(f"… and {len(refused) - REASONS_SHOWN:,} more", "diff--warning")
    return lines


def change_lines(host: str, change: ChangeRequest, *, undo: bool = False) -> list[Line]:
    """A change request's files with their diffs; `undo`: what taking it back would do."""
    lines: list[Line] = []
    for file in change.files:
        state = "" if undo else f"{file.state} {file.message}".strip()
        lines.append(heading_line(f"{host} › {file.instance}  {file.file}", state))
        lines += [] if undo else line_edit_lines(file.line_edit)
        lines += diff_lines(reversed_diff(file.diff) if undo else file.diff)
        lines += amp_lines(file.amp_owned, undo=undo)
        lines.append(_BLANK)
    if not undo:
        lines += left_out_lines(host, change.refused)
    return lines


def reversed_diff(diff: str) -> str:
    """The diff of taking it back."""
    lines: list[str] = []
    for part in parts(diff):
        if isinstance(part, Hunk):
            lines.append(f"@@ -{part.new} +{part.old} @@{part.rest}")
        elif isinstance(part, Changed):
            lines.extend("-" + text for text in part.added)
            lines.extend("+" + text for text in part.removed)
        else:
            lines.append(part)
    return "\n".join(lines)


def _file_heading(host: str, file: FilePlan) -> Line:
    note = "after a restart" if file.restart else ""
    return heading_line(f"{host} › {file.instance}  {file.file}", note)


def _refusal(host: str, refused: RefusedEdit) -> list[Line]:
    edit = refused.edit
    what = "conflict" if refused.conflict else "refused"
    place = f"{host} › {edit.instance}  {edit.file}  {dotted(edit.path)}"
    lines: list[Line] = [
        ((plain(f"{what}: {place}"), "diff--warning"),),
        ((plain(f"  {refused.reason}"), "diff--warning"),),
    ]
    if (offer := refused.line_edit) is not None:
        lines.append(((plain(f"  line {offer.line} is  {offer.old_line}"), "diff--removed"),))
        lines.append(((plain(f"  it could be {offer.new_line}"), "diff--added"),))
    return lines
