"""What can still be told of an edit in a file that no reader can read.

The edit is refused: without settings there is no proof. But where the line of its key is found
exactly once, the refusal shows that line as it is and as it would be, for a person to judge.
"""

from __future__ import annotations

from homeamp_agent.changes.edit import ANY_VALUE, PlainEdit
from homeamp_agent.configfiles import ConfigFilesError, Limits, propose_line_edit
from homeamp_agent.model.change import EditOperation
from homeamp_agent.model.secret import Masker, is_masked, wire_value
from homeamp_agent.model.setting import Value, segment_text, text_of
from homeamp_agent.model.snapshot import MISSING

MOST_CHARACTERS = 120
"""Of each line; a real config file holds one of 572 KB."""


def line_offer(edit: PlainEdit, content: bytes, masker: Masker, limits: Limits) -> str:
    """What to add to the refusal: the one line that would change, or nothing."""
    if edit.operation is not EditOperation.SET or not edit.path:
        return ""
    values = (edit.expected_old, edit.new)
    if not all(map(_is_simple, values)) or any(
        is_masked(wire_value(masker.mask(edit.path, value, edit.plugin))) for value in values
    ):
        return ""
    old, new = map(text_of, values)
    try:
        offer = propose_line_edit(
            edit.file,
            content,
            segment_text(edit.path[-1]),
            old,
            new,
            limits,
            is_text=isinstance(edit.new, str),
        )
    except ConfigFilesError:
        return ""
    before, after = (_shown(line, masker) for line in (offer.old_line, offer.new_line))
    return f"; by hand, unproven, line {offer.line} could become `{after}` (now `{before}`)"


def _is_simple(value: Value) -> bool:
    return value is not ANY_VALUE and value is not MISSING and isinstance(value, str | int | float)


def _shown(line: str, masker: Masker) -> str:
    line = masker.mask_line(line.strip())
    return line if len(line) <= MOST_CHARACTERS else line[:MOST_CHARACTERS] + "…"
