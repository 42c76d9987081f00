"""How a setting changed, in lines: when, from what to what, and who did it."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content

from homeamp_agent.model.query import SettingChange
from homeamp_agent.model.setting import KeyPath, dotted
from homeamp_agent.rpc.protocol.errors import RpcError
from homeamp_agent.rpc.protocol.messages import SettingsHistoryParams, SettingsHistoryResult
from homeamp_tui.links import Link, NotConnected
from homeamp_tui.words import ago_text, plain, value_text

CHANGES_SHOWN = 20
BY_US = "homeamp"
BY_START = "start"


async def read_changes(
    link: Link, instance: str, file: str | None, path: KeyPath | None
) -> Sequence[SettingChange]:
    """The last changes of one setting; none where the agent cannot be asked."""
    if file is None or path is None:
        return ()
    params = SettingsHistoryParams(instance=instance, file=file, path=path, limit=CHANGES_SHOWN)
    try:
        return (await link.call("settings.history", params, SettingsHistoryResult)).changes
    except (NotConnected, RpcError):
        return ()


def change_lines(changes: Sequence[SettingChange], path: KeyPath | None) -> list[Content]:
    """A line each, newest first; `path` is the setting that they are shown for."""
    return [
        Content.assemble(
            (f"{ago_text(change.at):>9}  ", "$muted"),
            (f"{_part(change, path)}{side_of_change(change.old)}", "$muted"),
            (" → ", "bold $primary"),
            (side_of_change(change.new), "bold"),
            (f"  {who_changed(change)}", "$muted"),
        )
        for change in changes
    ]


def who_changed(change: SettingChange) -> str:
    """`by change 2026…`, `as the instance started`, `from outside, while the agent was away`."""
    who = "as the instance started" if change.by == BY_START else "from outside"
    if change.by == BY_US:
        who = f"by change {plain(change.change_id)}" if change.change_id else "by homeamp"
    return f"{who}, while the agent was away" if change.while_away else who


def _part(change: SettingChange, path: KeyPath | None) -> str:
    """What of a list or a section changed."""
    inside = change.path[len(path or ()) :]
    return f"{plain(dotted(inside))}: " if inside else ""


def side_of_change(value: object) -> str:
    """A value before or after."""
    return "nothing" if value is None else value_text(value)
