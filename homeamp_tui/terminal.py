"""The terminal, and what happens when it goes away: a closed window, a lost ssh session."""

from __future__ import annotations

from typing import Any, TextIO

from textual.drivers.linux_driver import LinuxDriver


class Terminal(LinuxDriver):
    """Textual's driver, but one that a lost terminal cannot hold up.

    An error while writing ends the thread that Textual writes from. Its queue then fills, and
    the app waits for ever on its way out: a dashboard, its ssh and a bridge on the other host
    would stay behind each closed window.
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._file = _Patient(self._file)  # type: ignore[assignment,arg-type]  # what is used of it

    def _sigcont_application(self, *_: object) -> None:
        """Go on after a stop, and only then.

        A terminal that goes away sends SIGCONT as well as SIGHUP. Textual would start its input a
        second time, lose sight of the first thread, and spin on the closed terminal for ever.
        """
        if self._must_signal_resume:
            super()._sigcont_application()


class _Patient:
    """A terminal's file that takes what is written even when nobody is there to read it."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, text: str) -> int:
        try:
            return self._file.write(text)
        except (OSError, ValueError):
            return len(text)

    def flush(self) -> None:
        try:
            self._file.flush()
        except (OSError, ValueError):
            return

    def fileno(self) -> int:
        return self._file.fileno()

    def isatty(self) -> bool:
        return self._file.isatty()
