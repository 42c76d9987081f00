"""Writing `rules.yaml`: one rule a line, so that git shows what changed. Read back, it is the same.

Every text is quoted, so that no reader takes `1.0E8`, `no` or `#464646` for something else.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Any

from homeamp_agent.baselines.declarations import VERSION
from homeamp_agent.baselines.variables import VARIABLE
from homeamp_agent.model.secret import is_masked

_NOT_PRINTABLE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
"""What JSON writes as it is and YAML does not read."""

Entry = Mapping[str, Any]


def rules_text(
    entries: Iterable[Entry],
    header: Iterable[str] = (),
    declared: Mapping[str, Any] | None = None,
) -> str:
    """The file's text; `entries` are rules as the file writes them, those of one file together.

    `declared` is what else stands there: variables, tags, aliases.
    """
    lines = [*(f"# {line}".rstrip() for line in header), f"version: {VERSION}"]
    for name, value in (declared or {}).items():
        lines += _declaration(name, value)
    lines.append("rules:")
    for place, those in groupby(entries, key=_place):
        lines.append(f"  # {place}")
        lines += [f"  - {_flow(entry)}" for entry in those]
    if lines[-1] == "rules:":
        lines[-1] = "rules: []"
    return "\n".join(lines) + "\n"


def _declaration(name: str, value: Any) -> list[str]:
    """A top-level key; of a mapping one entry a line."""
    if not isinstance(value, Mapping) or not value:
        return [f"{name}: {_flow(value, False)}"]
    inner = [f"  {_text(str(key))}: {_flow(item, False)}" for key, item in value.items()]
    return [f"{name}:", *inner]


def writable(value: Any) -> bool:
    """Whether the file can hold `value` at all; a text may name a variable and then means it."""
    if isinstance(value, dict):
        return all(isinstance(key, str) and writable(item) for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return all(map(writable, value))
    if isinstance(value, str):
        return not any("\ud800" <= letter <= "\udfff" for letter in value)
    return not isinstance(value, float) or math.isfinite(value)


def expressible(value: Any) -> bool:
    """Whether a rule can say `value` and mean just it: no secret, no variable, a finite number."""
    if is_masked(value):
        return False
    if isinstance(value, dict):
        return all(isinstance(key, str) and expressible(item) for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return all(map(expressible, value))
    if isinstance(value, str):
        return _sayable(value)
    return not isinstance(value, float) or math.isfinite(value)


def _sayable(text: str) -> bool:
    surrogates = any("\ud800" <= letter <= "\udfff" for letter in text)
    return not surrogates and VARIABLE.search(text) is None


def _place(entry: Entry) -> str:
    named = (str(entry[name]) for name in ("plugin", "file") if entry.get(name) is not None)
    return _NOT_PRINTABLE.sub("?", " ".join(named).replace("\n", " "))


def _flow(value: Any, top: bool = True) -> str:
    if isinstance(value, Mapping):
        # The names of a rule's own fields need no quotes; what stands in a value is anybody's.
        pairs = (
            f"{key if top else _text(str(key))}: {_flow(item, top and key == 'scope')}"
            for key, item in value.items()
        )
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_flow(item, False) for item in value) + "]"
    return _text(value) if isinstance(value, str) else json.dumps(value)


def _text(text: str) -> str:
    quoted = json.dumps(text, ensure_ascii=False)
    return _NOT_PRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", quoted)
