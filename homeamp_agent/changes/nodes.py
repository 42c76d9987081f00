"""AMP's own settings, changed together with the file that AMP writes from them.

AMP writes such a file anew at every start of the game, so a change of the file alone would not
last. A change sets AMP's setting as well: looked at first, set, read back, and set back when the
change fails or is rolled back. Which settings were touched is in the journal before they are.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from homeamp_agent.changes.errors import ChangesError, FileConflictError
from homeamp_agent.configfiles import EditRefused
from homeamp_agent.instances.amp_owned import Owner
from homeamp_agent.model.change import AmpOwnedEdit, EditOperation
from homeamp_agent.model.setting import KeyPath, Value, text_of

NO_NODE = (
    "AMP writes this file from its own settings at every start, and the agent knows none for this "
    "key: change it in AMP's panel"
)
NOT_TAKEN_OUT = "AMP owns it ({node}) and writes it at every start: it cannot be taken out"
NO_AMP = (
    "AMP owns it ({node}) and writes its own value at every start: set amp.url and an account so "
    "that the agent can set it there, or change it in AMP's panel"
)
HIDDEN = "AMP owns it ({node}), and it is a secret: change it in AMP's panel"
NO_SCALAR = "AMP owns it ({node}), which takes one value, no list: change it in AMP's panel"


class AmpSettingError(ChangesError):
    """AMP could not be asked, or did not take a value; one line without the value."""


class AmpSettings(Protocol):
    """AMP's settings, by instance and node; synchronous, for the working thread.

    Both raise AmpSettingError.
    """

    def get(self, instance: str, node: str) -> str:
        """The value now, as text."""
        ...

    def set(self, instance: str, node: str, value: str) -> None:
        """Set it."""
        ...


@dataclass(frozen=True, slots=True)
class NodeEdit:
    """One setting of AMP that goes along with an edit of `file`. Both values are texts.

    `whatever`: set it whatever it holds now.
    """

    instance: str
    file: str
    path: KeyPath
    node: str
    before: str = field(repr=False)
    after: str = field(repr=False)
    whatever: bool = False

    def wire(self) -> dict[str, Any]:
        """As the journal holds it. No secret is ever one of these."""
        return {
            "instance": self.instance, "file": self.file, "path": list(self.path),
            "node": self.node, "before": self.before, "after": self.after,
        }  # fmt: skip

    @classmethod
    def from_wire(cls, wire: dict[str, Any]) -> NodeEdit:
        """Back from `wire()`."""
        return cls(**{**wire, "path": tuple(wire["path"])})

    def shown(self) -> AmpOwnedEdit:
        """As a plan shows it."""
        return AmpOwnedEdit(path=self.path, node=self.node, before=self.before, after=self.after)

    def reversed(self, *, whatever: bool) -> NodeEdit:
        """The way back."""
        return replace(self, before=self.after, after=self.before, whatever=whatever)


def refusal(owner: Owner, *, amp_there: bool) -> str | None:
    """Why no edit of a setting that AMP owns could last; None if one could."""
    if owner.node is None:
        return NO_NODE
    return None if amp_there else NO_AMP.format(node=owner.node)


def node_edit(
    owner: Owner, file: tuple[str, str], path: KeyPath, actual: Value, edit: NodeWish
) -> NodeEdit:
    """What goes along with an edit of a setting that AMP owns; `file`: its instance and path.

    Raises:
        EditRefused: it cannot be made to last, with what to do.
    """
    node = owner.node
    why = refusal(owner, amp_there=edit.amp_there)
    if node is None or why is not None:
        raise EditRefused(why or NO_NODE)
    if edit.operation is EditOperation.UNSET:
        raise EditRefused(NOT_TAKEN_OUT.format(node=node))
    if edit.secret:
        raise EditRefused(HIDDEN.format(node=node))
    if isinstance(edit.new, (dict, list, tuple)):
        raise EditRefused(NO_SCALAR.format(node=node))
    before = owner.value if owner.value is not None else text_of(actual)
    return NodeEdit(*file, path, node, before, text_of(edit.new))


@dataclass(frozen=True, slots=True)
class NodeWish:
    """What is wanted of a setting that AMP owns, and whether the agent can ask AMP at all."""

    operation: EditOperation
    new: Value = field(repr=False)
    secret: bool
    amp_there: bool


def agree(one: str, other: str) -> bool:
    """Whether two texts are one value to AMP: it writes `True` and `Hard` for `true` and `hard`."""
    if one.strip().casefold() == other.strip().casefold():
        return True
    try:
        return float(one) == float(other)
    except ValueError:
        return False


def put(
    settings: AmpSettings | None, edits: Sequence[NodeEdit], touch: Callable[[int], None]
) -> None:
    """Set them, each read back; `touch` is told the number of each before it is set.

    Raises:
        FileConflictError: one holds another value than planned.
        AmpSettingError: AMP could not be asked, or did not take it.
    """
    for number, edit in enumerate(edits):
        there = _settings(settings)
        now = there.get(edit.instance, edit.node)
        if agree(now, edit.after):
            continue
        if not edit.whatever and not agree(now, edit.before):
            raise FileConflictError(
                edit.file, f"AMP's own setting {edit.node} holds another value than planned"
            )
        touch(number)
        _set(there, edit, edit.after)


def put_back(
    settings: AmpSettings | None, edits: Sequence[NodeEdit], touched: Collection[int]
) -> None:
    """Set back those that were touched, unless somebody set them since.

    Raises:
        AmpSettingError: AMP could not be asked, or did not take it; again later.
    """
    for number in sorted(touched, reverse=True):
        there, edit = _settings(settings), edits[number]
        if agree(there.get(edit.instance, edit.node), edit.after):
            _set(there, edit, edit.before)


def _set(settings: AmpSettings, edit: NodeEdit, value: str) -> None:
    settings.set(edit.instance, edit.node, value)
    if not agree(settings.get(edit.instance, edit.node), value):
        raise AmpSettingError(
            f"{edit.instance}: AMP did not take the value of {edit.node}: it holds another one"
        )


def _settings(settings: AmpSettings | None) -> AmpSettings:
    if settings is None:
        raise AmpSettingError("AMP's own settings cannot be asked: the agent speaks to no AMP")
    return settings
