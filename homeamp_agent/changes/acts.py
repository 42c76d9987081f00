"""The history: the audit log, newest first, each line with the settings that it was about.

    acts = Acts(audit, edits_of)
    page = acts.page(ActFilter(who="mia", key="spawn.*"), limit=50)

The audit log names a change and its files; what it set is told by the change's journal, or, where
none was begun, by the book of requests. All three hold masked values only. Blocks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from typing import Any

from homeamp_agent.changes.audit import AuditEntry, AuditLog, open_audit
from homeamp_agent.changes.book import RequestBook
from homeamp_agent.changes.disk import Disk
from homeamp_agent.changes.errors import JournalError, UnknownChangeError
from homeamp_agent.changes.history import read_record
from homeamp_agent.changes.journal import CHANGE_ID, read_journal
from homeamp_agent.changes.state import StateFolder
from homeamp_agent.model.change import Edit
from homeamp_agent.model.history import Act, ActFile, ActFilter, ActSetting
from homeamp_agent.model.setting import dotted

MAX_LINES_LOOKED_AT = 20_000
"""Of one page: half a second. A page that found less says where to go on."""

EDITS_KEPT = 32
"""Changes whose edits are kept in memory: one has several acts, close to each other."""

CHANGE = "change."
BACKWARDS = frozenset({"change.rollback"})

EditsOf = Callable[[str], Sequence[Edit]]
"""What a change set, by its id; nothing for one that is not known."""


@dataclass(frozen=True, slots=True)
class ActsPage:
    """Acts, newest first; `cursor` is where the next page begins, None at the log's begin."""

    acts: tuple[Act, ...]
    cursor: int | None = None


@dataclass(frozen=True, slots=True)
class Acts:
    """The history of one state folder."""

    audit: AuditLog
    edits_of: EditsOf

    def page(self, wanted: ActFilter, limit: int, cursor: int | None = None) -> ActsPage:
        """Up to `limit` acts from `cursor` (None: the newest) backwards.

        Raises:
            AuditError: no page gave that cursor.
        """
        found: list[Act] = []
        for looked, (at, entry) in enumerate(self.audit.newest_first(cursor), 1):
            if wanted.since is not None and entry.at < wanted.since:
                # Clocks are set back now and then, by less than anybody asks about.
                return ActsPage(tuple(found))
            act = self.act(entry, wanted)
            found += [act] if act is not None else []
            if len(found) == limit or looked == MAX_LINES_LOOKED_AT:
                return ActsPage(tuple(found), at or None)
        return ActsPage(tuple(found))

    def all(self, wanted: ActFilter) -> Iterator[Act]:
        """Every act that matches, newest first."""
        for _, entry in self.audit.newest_first():
            act = self.act(entry, wanted)
            if act is not None:
                yield act

    def act(self, entry: AuditEntry, wanted: ActFilter) -> Act | None:
        """The entry with its settings; None if the filter leaves it out."""
        if not _passes(entry, wanted):
            return None
        files = tuple(_files(entry.details.get("files")))
        settings = [each for each in self._settings(entry, files) if _speaks_of(each, wanted)]
        if wanted.instance is not None:
            files = tuple(each for each in files if _like(each.instance, wanted.instance))
            about = entry.subject if entry.action.startswith("instance.") else None
            if not (files or settings or _like(about, wanted.instance)):
                return None
        if (wanted.plugin is not None or wanted.key is not None) and not settings:
            return None
        return Act(
            number=entry.number,
            at=entry.at,
            who=entry.who,
            action=entry.action,
            subject=entry.subject,
            reason=entry.reason,
            outcome=entry.outcome,
            message=str(entry.details.get("message", "")),
            source=entry.details.get("source"),
            files=files,
            settings=tuple(settings),
        )

    def _settings(self, entry: AuditEntry, files: Sequence[ActFile]) -> Iterator[ActSetting]:
        told = entry.details.get("settings")
        if isinstance(told, list):
            yield from _told(told)
            return
        if not entry.action.startswith(CHANGE):
            return
        backwards = entry.action in BACKWARDS
        touched = {(each.instance, each.file) for each in files}
        for edit in self.edits_of(entry.subject):
            if touched and (edit.instance, edit.file) not in touched:
                continue
            old, new = edit.expected_old, edit.new
            yield ActSetting(
                instance=edit.instance,
                plugin=edit.plugin,
                file=edit.file,
                key=dotted(edit.path),
                path=edit.path,
                old=new if backwards else old,
                new=old if backwards else new,
                line_edit=edit.line_edit,
            )


def open_acts(state: Path) -> Acts:
    """The history of a state folder, with nothing else of it: also while no agent runs.

    Raises:
        AuditError: the folder holds no audit log.
    """
    audit = open_audit(state)
    journals = StateFolder(state, Disk()).below("journal")
    book = RequestBook(state)

    def edits_of(change_id: str) -> Sequence[Edit]:
        if CHANGE_ID.fullmatch(change_id):
            with suppress(UnknownChangeError, JournalError):
                record = read_record(change_id, read_journal(journals, change_id), with_diffs=False)
                if record is not None:
                    return record.edits
        booked = book.find(change_id)
        return booked.change.edits if booked is not None else ()

    return Acts(audit, lru_cache(EDITS_KEPT)(edits_of))


def _passes(entry: AuditEntry, wanted: ActFilter) -> bool:
    """What the line alone tells, which spares reading most journals."""
    return (
        (wanted.since is None or entry.at >= wanted.since)
        and (wanted.until is None or entry.at < wanted.until)
        and (wanted.who is None or _like(entry.who, wanted.who))
        and (wanted.action is None or _like(entry.action, wanted.action))
        and wanted.outcome in {None, entry.outcome}
        and wanted.subject in {None, entry.subject}
    )


def _speaks_of(setting: ActSetting, wanted: ActFilter) -> bool:
    return (
        (wanted.instance is None or _like(setting.instance, wanted.instance))
        and (wanted.plugin is None or _like(setting.plugin, wanted.plugin))
        and (wanted.key is None or _like(setting.key, wanted.key))
    )


def _like(text: str | None, glob: str) -> bool:
    return text is not None and fnmatchcase(text.casefold(), glob.casefold())


def _files(told: Any) -> Iterator[ActFile]:
    for each in told if isinstance(told, list) else ():
        yield ActFile(instance=each["instance"], file=each["file"])


def _told(settings: Sequence[dict[str, Any]]) -> Iterator[ActSetting]:
    """Settings that the line itself tells of: reverted by a plugin, or decided about."""
    for each in settings:
        path = tuple(each.get("path") or ())
        yield ActSetting(
            instance=each["instance"],
            plugin=each.get("plugin"),
            file=each.get("file") or "",
            key=each.get("key") or dotted(path),
            path=path,
            old=each.get("wanted", each.get("old")),
            new=each.get("found", each.get("new")),
        )
