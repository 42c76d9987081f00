"""Config files: bytes in, settings with places out, new bytes out.

What lives here: one `Document` per format, the sniffing that picks it, the proof that guards every
edit. What may not: anything of Minecraft, of plugins or of homeamp, and any file I/O.

    from homeamp_agent.configfiles import parse
    document = parse("config.yml", data)
    document.settings[("spawn", "enabled")].value
    new_bytes = document.set(("spawn", "enabled"), False)
"""

from __future__ import annotations

from homeamp_agent.configfiles.document import (
    DEFAULT_LIMITS,
    Document,
    KeyPath,
    Limits,
    Problem,
    Setting,
    Span,
    Value,
)
from homeamp_agent.configfiles.errors import (
    ConfigFileError,
    ConfigFilesError,
    EditRefused,
    TooLargeError,
)
from homeamp_agent.configfiles.line_at import LineSetting, open_quotes, setting_at
from homeamp_agent.configfiles.line_edit import LineEdit, propose_line_edit, verify_line_edit

__all__ = [
    "DEFAULT_LIMITS",
    "ConfigFileError",
    "ConfigFilesError",
    "Document",
    "EditRefused",
    "KeyPath",
    "Limits",
    "LineEdit",
    "LineSetting",
    "Problem",
    "Setting",
    "Span",
    "TooLargeError",
    "Value",
    "open_quotes",
    "parse",
    "propose_line_edit",
    "setting_at",
    "verify_line_edit",
]


def parse(file: str, data: bytes, limits: Limits = DEFAULT_LIMITS) -> Document:
    """Read `data`, the bytes of `file` (its name picks the format; content wins where it lies).

    Raises:
        ConfigFileError: the bytes cannot be read; names file, line, column and reason.
        TooLargeError: a bound of `limits` was passed.
    """
    from homeamp_agent.configfiles.sniff import format_of, reader_for  # noqa: PLC0415

    name = format_of(file, data)
    document = reader_for(name)(file, data, limits)
    document.format_told = document.format == name
    return document
