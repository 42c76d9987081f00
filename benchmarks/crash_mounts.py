"""A full and a read-only file system under a change, for real, for `benchmarks.crash`."""

from __future__ import annotations

import shutil
import subprocess
from collections import Counter
from pathlib import Path

from benchmarks.crash_fleet import Fleet, apply
from benchmarks.crash_laboratory import Laboratory, Tally, in_child

RUN_SECONDS = 30
"""No run takes a tenth of that; one that does hangs."""


def real_mounts(laboratory: Laboratory, tally: Tally) -> str:
    """A full and a read-only tmpfs under the instances; says why not, where not permitted."""
    for fault in ("full", "read-only"):
        for step in (
            "begun",
            "backed_up",
            "staged_file",
            "staged",
            "swapped",
            "written",
            "verified",
        ):
            for count in (1, 2):
                fleet = laboratory.fleet("mount")
                mount = fleet.root / "mounted"
                mount.mkdir()
                done = subprocess.run(
                    ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(mount)],
                    check=False,
                    capture_output=True,
                    timeout=RUN_SECONDS,
                )
                if done.returncode != 0:
                    return f"not permitted here: {done.stderr.decode().strip()}"
                try:
                    _on_mount(laboratory, Fleet(fleet.root, mount), fault, step, count)
                finally:
                    subprocess.run(["umount", "-l", str(mount)], check=False, timeout=RUN_SECONDS)
                shutil.rmtree(fleet.root, ignore_errors=True)
    return f"{tally.runs['real mounts']} runs"


def _on_mount(laboratory: Laboratory, fleet: Fleet, fault: str, step: str, count: int) -> None:
    mount = fleet.instances
    assert mount is not None
    seen = Counter[str]()
    filler = mount / "filler"

    def on_step(name: str) -> None:
        seen[name] += 1
        if (name, seen[name]) != (step, count):
            return
        if fault == "read-only":
            _remount(mount, "ro")
        else:
            _fill(filler)

    in_child(lambda: apply(fleet.room(on_step=on_step)))
    if fault == "read-only":
        fleet.room().recover()
        _remount(mount, "rw")
    what = f"tmpfs {fault} at {step} #{count}"
    room = fleet.room()
    room.recover()
    filler.unlink(missing_ok=True)
    laboratory.tally.runs["real mounts"] += 1
    problems = list(laboratory.problems(fleet))
    if problems:
        laboratory.tally.failures.append(f"{what}: {'; '.join(problems)}")


def _remount(mount: Path, mode: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{mode}", str(mount)], check=True, timeout=RUN_SECONDS)


def _fill(filler: Path) -> None:
    with filler.open("wb", buffering=0) as out:
        for size in (4096, 1):
            try:
                while True:
                    out.write(b"x" * size)
            except OSError:
                continue
