"""`{{VARIABLE}}` in rules, resolved instance → tag → host → global.

Only names of the form `[A-Z][A-Z0-9_]*` are variables: plugin files hold `{{name}}` as plain text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

VARIABLE = re.compile(r"\{\{([A-Z][A-Z0-9_]*)\}\}")


def fill(value: Any, variables: Mapping[str, Any]) -> tuple[Any, tuple[str, ...]]:
    """`value` with its variables filled in, and the names that have no value.

    Text that is nothing but one variable takes that variable's type.
    """
    if isinstance(value, str):
        return _fill_text(value, variables)
    if isinstance(value, dict):
        pairs = {key: fill(item, variables) for key, item in value.items()}
        return {key: pair[0] for key, pair in pairs.items()}, _missing(pairs.values())
    if isinstance(value, (list, tuple)):
        items = [fill(item, variables) for item in value]
        return [item[0] for item in items], _missing(items)
    return value, ()


def _fill_text(text: str, variables: Mapping[str, Any]) -> tuple[Any, tuple[str, ...]]:
    if "{{" not in text:
        return text, ()
    whole = VARIABLE.fullmatch(text)
    if whole and whole[1] in variables:
        return variables[whole[1]], ()
    missing = tuple(name for name in VARIABLE.findall(text) if name not in variables)
    filled = VARIABLE.sub(lambda found: str(variables.get(found[1], found[0])), text)
    return filled, missing


def _missing(pairs: Any) -> tuple[str, ...]:
    return tuple(name for _, names in pairs for name in names)
