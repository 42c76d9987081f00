"""The demo's fleet on disk: a copy of the fixtures with plugin jars made on the spot.

Standard library only: `homeamp-tui --demo` starts agents on the copy, from a checkout or from an
installed wheel, without network and without rights. `python -m homeamp_tui.demo_fleet DIR` makes a
copy to try the agent on.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import zipfile
from pathlib import Path
from typing import Any

MARK = "planted.json"
"""Lies in every fixtures folder and in every copy of it."""

COPIED = ("fleet", "baselines", "samples", "planted.json", "secrets.json", "agent.yaml")
"""What a copy holds; templates and generator stay behind."""

JAR_TIME = (2026, 8, 16, 12, 0, 0)
"""One moment for every entry, so that the same jar has the same bytes on every instance."""


class DemoFleetError(Exception):
    """The fixtures are not there, or the target cannot be written; the message says which."""


def fixtures_folder() -> Path:
    """The fixtures of this checkout, else those that the wheel carries.

    Raises:
        DemoFleetError: neither is there.
    """
    here = Path(__file__).resolve().parent
    places = (here.parent / "fixtures", here / "_fixtures")
    for place in places:
        if (place / MARK).is_file():
            return place
    looked = " or ".join(str(place) for place in places)
    raise DemoFleetError(f"the demo's fixtures are not in {looked}")


def materialise(fixtures: Path, target: Path) -> None:
    """Copy `fixtures` to `target` (made if missing, else empty) and make its jars.

    Afterwards `target/fleet/<host>/instances` are AMP's folders and `target/baselines` is the
    baseline directory; every file can be written, also where the fixtures cannot.

    Raises:
        DemoFleetError: no fixtures there, the target is not empty, or it cannot be written.
    """
    if not (fixtures / MARK).is_file():
        raise DemoFleetError(f"{fixtures} holds no fixtures (no {MARK})")
    try:
        target.mkdir(parents=True, exist_ok=True)
        if any(target.iterdir()):
            raise DemoFleetError(f"{target} is not empty")
        for name in COPIED:
            _copy(fixtures / name, target / name)
        for jar in json.loads((fixtures / "jars.json").read_text("utf-8")):
            _make_jar(target / "fleet", jar)
    except OSError as error:
        raise DemoFleetError(f"{error.filename or target}: {error.strerror}") from error


def _copy(source: Path, target: Path) -> None:
    """Copy bytes, not modes or times: a wheel's files may be read-only."""
    if source.is_dir():
        target.mkdir()
        for child in source.iterdir():
            _copy(child, target / child.name)
    elif source.is_file():
        shutil.copyfile(source, target)


def _make_jar(fleet: Path, jar: dict[str, Any]) -> None:
    """`jar` as in jars.json: host, instance, path below the instance, text entries."""
    path = fleet / jar["host"] / "instances" / jar["instance"] / jar["path"]
    path.parent.mkdir(parents=True, exist_ok=True)
    entries = {"META-INF/MANIFEST.MF": "Manifest-Version: 1.0\r\n\r\n", **jar["entries"]}
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in entries.items():
            archive.writestr(zipfile.ZipInfo(name, JAR_TIME), text)


def main() -> int:
    """Make a copy in the folder given; 2 if that cannot be done."""
    parser = argparse.ArgumentParser(prog="python -m homeamp_tui.demo_fleet")
    parser.add_argument("folder", type=Path, help="a new or empty folder")
    target = parser.parse_args().folder
    try:
        materialise(fixtures_folder(), target)
    except DemoFleetError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
