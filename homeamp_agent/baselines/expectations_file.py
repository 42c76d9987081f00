"""`universal_configs.json` and `variable_configs.json`: the original system's expectations.

Universal: `{plugin: {key: value}}`, some plugins nested one level by file stem. Variable:
`{plugin: {key: {INSTANCE: value}}}`. They lie in a folder per platform (paper, velocity, geyser).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from homeamp_agent.baselines.selectors import stem_pattern
from homeamp_agent.baselines.source import SourceReading, platform_of
from homeamp_agent.baselines.values import inner_settings
from homeamp_agent.model.rule import Condition, Scope, ScopeKind

UNIVERSAL = "universal_configs.json"
VARIABLE = "variable_configs.json"


def read_expectations(file: str, data: bytes) -> SourceReading:
    """Read either file; which one it is is told by its name."""
    reading = SourceReading(file, "expectations", platform=platform_of(file))
    try:
        plugins = json.loads(
            reading.text(data), object_pairs_hook=lambda pairs: _once(reading, pairs)
        )
    except (ValueError, RecursionError) as error:
        line = error.lineno if isinstance(error, json.JSONDecodeError) else None
        reading.fail(f"is no JSON: {error}", line=line)
        return reading
    if not isinstance(plugins, dict):
        reading.fail("is no mapping of plugins")
        return reading
    for plugin, settings in plugins.items():
        if not isinstance(settings, dict):
            reading.problem(f"{plugin}: holds no settings; not read")
        elif file.endswith(VARIABLE):
            _read_variable(reading, plugin, settings)
        else:
            _read_universal(reading, plugin, settings)
    if file.endswith(VARIABLE):
        reading.note_mixed_types()
    return reading


def _once(reading: SourceReading, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if found.setdefault(key, value) is not value:
            reading.problem(f"{key} stands here twice in one mapping; the first counts")
    return found


def _read_variable(reading: SourceReading, plugin: str, settings: Mapping[str, Any]) -> None:
    for key, values in settings.items():
        if not isinstance(values, dict):
            reading.problem(f"{plugin} {key}: holds no values by instance; not read")
            continue
        for instance, value in values.items():
            scope = Scope(kind=ScopeKind.INSTANCE, target=instance)
            reading.add(Condition(value=value), plugin=plugin, key=key, scope=scope)


def _read_universal(reading: SourceReading, plugin: str, settings: Mapping[str, Any]) -> None:
    for key, value in settings.items():
        if isinstance(value, dict) and value:
            for inner, inner_value in inner_settings(value):
                reading.add(
                    Condition(value=inner_value),
                    plugin=plugin,
                    file=stem_pattern(key),
                    key=inner,
                    more={"stem_key": f"{key}.{inner}"},
                )
        else:
            reading.add(Condition(value=value), plugin=plugin, key=key)
