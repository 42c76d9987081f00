"""What a command puts out: lines for a terminal, and new files, none among the instances."""

from __future__ import annotations

import re
from pathlib import Path

from homeamp_agent.commands.ends import CommandError

CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""What a terminal may obey. Files of an instance hold what players typed."""


def printable(text: str) -> str:
    """The text with control characters (but tabs and line ends) shown instead of obeyed."""
    return CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def one_line(text: str) -> str:
    """The text as one line: what would end it is shown, too, and what no terminal can show."""
    shown = printable(text).replace("\n", "\\n").replace("\t", "\\t")
    return shown.encode("utf-8", "backslashreplace").decode("utf-8")


def write_new(file: Path, data: bytes, *, instances: Path | None = None) -> None:
    """Write a file that is not there yet; its folder is made.

    Raises:
        CommandError: it is there, is among the `instances`, or cannot be written.
    """
    if instances is not None and file.resolve().is_relative_to(instances.resolve()):
        raise CommandError(f"{file}: is among the instances; choose another place")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("xb") as stream:
            stream.write(data)
    except FileExistsError as error:
        raise CommandError(f"{file}: is there already; it is not overwritten") from error
    except OSError as error:
        raise CommandError(f"{file}: not written: {error.strerror}") from error


def counted(number: int, noun: str) -> str:
    """`1 file`, `1,200 files`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
