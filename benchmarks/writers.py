"""Real programs that save a file while changes of it are applied and rolled back, over and over.

    python -m benchmarks.writers [--rounds 40] [--only NAME ...] [--seed N]

vim (both ways of its `backupcopy`), nano, `sed -i`, an SFTP server's truncate-and-write, `rsync
--inplace`, `cp`, and a slow writer of many small pieces: each takes the file as it stands, adds a
line of its own and saves, `--rounds` times, while this process applies and rolls back a change of
another line as fast as it can. After each save: the line stands in the file, or in a kept backup
whose id a change tells. Nothing else may be lost or left beside the file. Programs that are not
installed are named. Exit code 1 at a line that is lost.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import pty
import random
import select
import shutil
import subprocess
import sys
import tempfile
import termios
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from homeamp_agent.changes import ChangeRoom, ChangesError, PlainEdit
from homeamp_agent.changes.edit import ANY_VALUE
from homeamp_agent.changes.safety import TEMP_PREFIX
from homeamp_agent.model.change import ChangeStatus
from homeamp_agent.model.secret import Masker

FILE = "plugins/Shop/config.yml"
LINES = 400
"""About 12 KB: an SFTP client or a slow writer saves it in several pieces."""

SAVE_S = 20.0
SAVED = ".saved"
SFTP_SERVERS = ("/usr/lib/openssh/sftp-server", "/usr/libexec/openssh/sftp-server")
MEMORY = Path("/dev/shm")  # noqa: S108  (a file system, not a file of a guessable name)


@dataclass(frozen=True)
class Writer:
    """A program. `start(file, copy, line)` saves `copy`, which is the file's text with the line at
    its end, over the file; one that edits by itself (vim, sed) reads the file and adds the line.
    One that `proves` leaves a file of the suffix `SAVED` beside the copy once it has saved.
    """

    name: str
    start: Callable[[Path, Path, str], subprocess.Popen[bytes]]
    needs: tuple[str, ...] = ()
    proves: bool = False

    @property
    def missing(self) -> list[str]:
        return [each for each in self.needs if not shutil.which(each)]


def _run(*command: str | Path, feed: bytes = b"") -> subprocess.Popen[bytes]:
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=quiet, stderr=quiet)
    assert process.stdin is not None
    process.stdin.write(feed)
    process.stdin.close()
    return process


def vim(backupcopy: str) -> Writer:
    def start(file: Path, copy: Path, line: str) -> subprocess.Popen[bytes]:
        # Vim may give up at the end of its input without a word: only this proves that it saved.
        saved = f"call writefile(['yes'], '{copy.with_suffix(SAVED)}')"
        acts = (
            f"set backupcopy={backupcopy} writebackup nofixeol",
            f"call append('$', '{line}')",
            f"sleep {random.randint(1, 30)}m",
            "w!",
            f"if !&modified && getline('$') ==# '{line}' | {saved} | endif",
            "q!",
        )
        commands = [part for act in acts for part in ("-c", act)]
        plain = ("vim", "-u", "NONE", "-i", "NONE", "-N", "-n", "-es")
        return _run(*plain, *commands, file)

    return Writer(f"vim, backupcopy={backupcopy}", start, ("vim",), proves=True)


def sed(file: Path, _copy: Path, line: str) -> subprocess.Popen[bytes]:
    return _run("sed", "-i", f"$a {line}", file)


def sftp(file: Path, copy: Path, _line: str) -> subprocess.Popen[bytes]:
    server = next(each for each in SFTP_SERVERS if Path(each).exists())
    # Small pieces, one in flight: a save over a slow line.
    put = f"put {copy} {file}\n".encode()
    return _run("sftp", "-q", "-b", "-", "-B", "1024", "-R", "1", "-D", server, feed=put)


def rsync(file: Path, copy: Path, _line: str) -> subprocess.Popen[bytes]:
    return _run("rsync", "--inplace", "--ignore-times", copy, file)


def copied(file: Path, copy: Path, _line: str) -> subprocess.Popen[bytes]:
    return _run("cp", copy, file)


SLOWLY = """
import sys, time
text = open(sys.argv[1], "rb").read()
with open(sys.argv[2], "wb", buffering=0) as out:
    for at in range(0, len(text), 700):
        out.write(text[at : at + 700])
        time.sleep(0.001)
"""


def slow(file: Path, copy: Path, _line: str) -> subprocess.Popen[bytes]:
    return _run(sys.executable, "-c", SLOWLY, copy, file)


KEYS = (b"\x1b/", b"{line}", b"\x0f", b"\r", b"y", b"\x18", b"y", b"\r")
"""To the end, the line, save as the same file, also over one that changed; leave."""


def nano(file: Path, _copy: Path, line: str) -> subprocess.Popen[bytes]:
    """In a terminal of its own, at which a thread types."""
    ours, its = pty.openpty()
    termios.tcsetwinsize(its, (24, 80))
    process = subprocess.Popen(
        ["nano", "-I", str(file)],
        stdin=its, stdout=its, stderr=its, start_new_session=True,
        env={**os.environ, "TERM": "xterm"},
    )  # fmt: skip
    os.close(its)
    threading.Thread(target=_type, args=(process, ours, line.encode())).start()
    return process


def _type(process: subprocess.Popen[bytes], terminal: int, line: bytes) -> None:
    for keys in KEYS:
        _drain(terminal, 0.1)
        with contextlib.suppress(OSError):
            os.write(terminal, keys.replace(b"{line}", line))
    while process.poll() is None:
        _drain(terminal, 0.1)
    os.close(terminal)


def _drain(terminal: int, seconds: float) -> None:
    """Read what it shows until it rests for so long, or has ended."""
    with contextlib.suppress(OSError):
        while select.select([terminal], [], [], seconds)[0] and os.read(terminal, 65536):
            pass


WRITERS = (
    vim("yes"),
    vim("no"),
    Writer("nano", nano, ("nano",)),
    Writer("sed -i", sed, ("sed",)),
    Writer("sftp put", sftp, ("sftp",)),
    Writer("rsync --inplace", rsync, ("rsync",)),
    Writer("cp", copied),
    Writer("slow pieces", slow),
)


@dataclass
class Stage:
    """One file, a room that changes it, and what became of the changes."""

    root: Path
    ends: Counter[str] = field(default_factory=Counter)
    number: int = 0

    def __post_init__(self) -> None:
        self.file = self.root / "A" / FILE
        self.file.parent.mkdir(parents=True)
        text = ["spawn:", "  radius: 10 # blocks", *(f"line{n}: {n}" for n in range(LINES))]
        self.file.write_text("\n".join(text) + "\n")
        self.room = ChangeRoom(
            self.root / "state",
            masker=Masker(b"k" * 32),
            game_folder_of=lambda name: self.root / name,
            min_free_bytes=0,
        )

    def change(self) -> None:
        """Apply a change and roll it back; a conflict is an answer like another."""
        self.number += 1
        edit = PlainEdit(
            "A", FILE, ("spawn", "radius"), expected_old=ANY_VALUE, new=1000 + self.number
        )
        try:
            planned = self.room.plan([edit])
            if not planned.files:
                self.ends[f"refused: {planned.plan.refused[0].reason[:40]}"] += 1
                return
            change = self.room.apply(planned, author="op", reason="race")
            self.ends[change.status.value] += 1
            if change.status is ChangeStatus.APPLIED:
                time.sleep(random.choice((0, 0, 0.002)))
                self.room.rollback(change.id, author="op", reason="race")
                self.ends["rolled back"] += 1
        except ChangesError as error:
            self.ends[type(error).__name__] += 1

    def problems(self, line: str) -> Iterator[str]:
        """What is lost, or left behind."""
        if line.encode() not in self.file.read_bytes():
            kept = [
                each.id
                for each in self.room.backups.list()
                if line.encode() in self.room.backups.read(each.sha256)
            ]
            told = " ".join(
                f"{change.message} {' '.join(each.message for each in change.files)}"
                for change in self.room.list()
            )
            if not any(each in told for each in kept):
                yield f"{line}: {'kept, and not told' if kept else 'lost'}"
            else:
                self.ends["kept as a backup, and told"] += 1
        yield from (f"{each.name} is left" for each in self.file.parent.glob(f"{TEMP_PREFIX}*"))


def race(stage: Stage, writer: Writer, line: str) -> list[str]:
    """One save against as many changes as there is time for."""
    copy = stage.root / "copy.yml"
    time.sleep(random.uniform(0, 0.01))
    copy.write_bytes(_whole(stage) + f"{line}\n".encode())
    process = writer.start(stage.file, copy, line)
    deadline = time.monotonic() + SAVE_S
    while process.poll() is None and time.monotonic() < deadline:
        stage.change()
    proof = copy.with_suffix(SAVED)
    if process.wait(SAVE_S) != 0 or (writer.proves and not proof.exists()):
        stage.ends["not saved, as it says"] += 1
        return []  # it says itself that it did not save
    proof.unlink(missing_ok=True)
    stage.ends["saves"] += 1
    stage.change()
    return list(stage.problems(line))


def _whole(stage: Stage) -> bytes:
    while True:
        try:
            return stage.file.read_bytes()
        except FileNotFoundError:
            continue


def main() -> int:
    """All races; 0 if no line was lost."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    random.seed(options.seed)
    failed = 0
    memory = MEMORY if os.access(MEMORY, os.W_OK) else None
    for writer in WRITERS:
        if options.only and not any(each in writer.name for each in options.only):
            continue
        if writer.missing:
            print(f"{writer.name}: not installed here")
            continue
        with tempfile.TemporaryDirectory(dir=memory) as folder:
            stage = Stage(Path(folder))
            began = time.monotonic()
            for number in range(options.rounds):
                line = f"mine{number}: {random.randrange(10**9)}"
                problems = race(stage, writer, line)
                failed += len(problems)
                for each in problems:
                    print(f"FAILED {writer.name} round {number}: {each}", flush=True)
            ends = ", ".join(f"{count} {end}" for end, count in stage.ends.most_common())
            print(f"{writer.name}: {time.monotonic() - began:.0f} s: {ends}", flush=True)
    print("no text lost" if not failed else f"{failed} FAILED")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
