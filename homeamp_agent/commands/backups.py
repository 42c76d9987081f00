"""`homeamp-agent backups`: list, show, restore, verify; needs the state folder and nothing else."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path

from homeamp_agent.changes import (
    Backup,
    Backups,
    ChangeRoom,
    ChangesError,
    open_backups,
)
from homeamp_agent.changes.backup import FOLDER
from homeamp_agent.commands.ends import FOUND, OK, CommandError
from homeamp_agent.commands.output import one_line
from homeamp_agent.model.change import ChangeStatus
from homeamp_agent.model.pattern import Pattern
from homeamp_agent.model.secret import Masker, SecretPolicy
from homeamp_agent.own_state import AgentError, locked_state, masking_key_of
from homeamp_agent.rpc.access import look_up

EVERYTHING = Pattern("")
"""Without the baselines nobody knows what else they call secret: the journal shows no value."""


def run_backups(state: Path, options: argparse.Namespace) -> int:
    """Do what `options.act` says.

    Raises:
        CommandError: no such backup, nothing there, or it cannot be restored.
    """
    try:
        backups = open_backups(state)
        if options.act == "list":
            return _list(backups.list(options.instance, options.file), as_json=options.json)
        if options.act == "verify":
            return _verify(backups, as_json=options.json)
        backup = backups.show(options.id)
        if options.act == "show":
            return _show(backup, as_json=options.json)
        if options.to is not None:
            return _copy(backups, backup, options.to)
        return _write_back(state, backup, options.reason)
    except ChangesError as error:
        raise CommandError(str(error)) from error
    except OSError as error:
        raise CommandError(f"{state}: cannot be read: {error.strerror}") from error


def _list(backups: Iterable[Backup], *, as_json: bool) -> int:
    for each in backups:
        if as_json:
            sys.stdout.write(json.dumps(each.wire()) + "\n")
        else:
            at = each.at.strftime("%Y-%m-%d %H:%M:%S")
            place = one_line(f"{each.instance}  {each.file}")
            sys.stdout.write(f"{each.id}  {at}Z  {each.size:>9,} B  {place}\n")
    return OK


def _show(backup: Backup, *, as_json: bool) -> int:
    wire = backup.wire()
    if as_json:
        sys.stdout.write(json.dumps(wire) + "\n")
        return OK
    metadata = wire.pop("metadata")
    for name, value in {**wire, **metadata}.items():
        sys.stdout.write(f"{name + ':':<13} {one_line(str(value))}\n")
    return OK


def _verify(backups: Backups, *, as_json: bool) -> int:
    whole, problems = backups.verify()
    if as_json:
        found = [{"name": each.name, "reason": each.reason} for each in problems]
        sys.stdout.write(json.dumps({"whole": whole, "problems": found}) + "\n")
    else:
        for each in problems:
            sys.stdout.write(one_line(f"{each.name}: {each.reason}") + "\n")
        sys.stdout.write(f"{whole:,} backups are whole, {len(problems):,} are not\n")
    return FOUND if problems else OK


def _copy(backups: Backups, backup: Backup, target: Path) -> int:
    try:
        backups.restore_copy(backup.id, target)
    except OSError as error:
        raise CommandError(f"{target}: not written: {error.strerror}") from error
    done = f"{target}: {backup.size:,} bytes of {backup.instance}/{backup.file}"
    sys.stdout.write(one_line(done) + "\n")
    return OK


def _write_back(state: Path, backup: Backup, reason: str) -> int:
    """As a change like any other: planned, backed up, verified, journalled, and undone by one."""
    if not (state / FOLDER).is_dir():
        raise CommandError(
            f"{state}: holds backups alone; restore with --to FILE, or give the agent's --state"
        )
    key = masking_key_of(state) or os.urandom(32)
    masker = Masker(key, SecretPolicy(extra={"*": (EVERYTHING,)}))
    folders = {backup.instance: Path(backup.folder)}
    user = str(look_up(os.getpid(), os.geteuid(), os.getegid()))
    try:
        with locked_state(state):
            room = ChangeRoom(state, masker=masker, game_folder_of=folders.__getitem__)
            room.recover()
            change = room.restore(backup.id, author=user, reason=reason)
    except AgentError as error:
        raise CommandError(
            f'{error}; or ask it: homeamp-agent call backups.restore \'{{"id": "{backup.id}"}}\''
        ) from error
    if change.status is not ChangeStatus.APPLIED:
        raise CommandError(f"{backup.instance}/{backup.file}: not restored: {change.message}")
    done = (
        f"{backup.instance}/{backup.file}: restored as of {backup.at:%Y-%m-%d %H:%M:%S}Z, "
        f"change {change.id}"
    )
    sys.stdout.write(one_line(done) + "\n")
    return OK
