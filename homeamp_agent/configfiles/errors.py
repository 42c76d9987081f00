"""What can go wrong with a config file.

ConfigFilesError
├── ConfigFileError      the bytes cannot be read as settings (file, line, column, reason)
│   └── TooLargeError    a bound of `Limits` was passed before the bytes were read to the end
└── EditRefused          the edit cannot be made byte-exactly (reason); nothing was changed
"""

from __future__ import annotations


class ConfigFilesError(Exception):
    """Base of every error this package raises."""


class ConfigFileError(ConfigFilesError):
    """The bytes of `file` cannot be read as settings.

    `line` and `column` count from 1; either is None where the format's reader has no position.
    """

    def __init__(
        self, file: str, reason: str, line: int | None = None, column: int | None = None
    ) -> None:
        self.file = file
        self.reason = reason
        self.line = line
        self.column = column
        super().__init__(file, reason, line, column)

    def __str__(self) -> str:
        place = self.file
        if self.line is not None:
            place += f":{self.line}"
            if self.column is not None:
                place += f":{self.column}"
        return f"{place}: {self.reason}"


class TooLargeError(ConfigFileError):
    """A bound of `Limits` was passed: file size, nesting depth, alias expansion, settings."""


class EditRefused(ConfigFilesError):
    """The edit cannot be made by changing only the bytes it names; nothing was changed."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)
