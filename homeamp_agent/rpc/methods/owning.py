"""What is said of deviations whose setting AMP owns."""

from __future__ import annotations

import json

from homeamp_agent.instances.amp_owned import Owner
from homeamp_agent.model.deviation import Deviation
from homeamp_agent.model.secret import Masker, is_masked, wire_value
from homeamp_agent.rpc.rooms import Rooms


def owner_of(rooms: Rooms, deviation: Deviation) -> Owner | None:
    """AMP, where it writes the setting of a deviation at every start. Blocks."""
    if deviation.file is None or deviation.path is None:
        return None
    return rooms.drift.owned_by_amp(deviation.instance).owner(deviation.file, deviation.path)


def owned_sentence(owner: Owner, masker: Masker, deviation: Deviation) -> str:
    """One sentence; AMP's own value is in it unless it is secret, or as it should be."""
    if owner.node is None:
        return "AMP writes this file at every start, and has no setting for this key"
    text = f"AMP writes it at every start from its own setting {owner.node}"
    if owner.value is None or deviation.path is None:
        return text
    shown = wire_value(masker.mask(deviation.path, owner.value, deviation.plugin))
    return text if is_masked(shown) else f"{text}, which is {json.dumps(shown)} now"
