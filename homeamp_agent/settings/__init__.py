"""The agent's settings: `agent.yaml`, overridden by the environment, overridden by options.

What lives here: what may be set, where each value came from, every problem at once. What may not:
acting on a setting.
"""

from __future__ import annotations

from homeamp_agent.settings.load import (
    CONFIG_VARIABLE,
    Effective,
    SettingsError,
    default_config_file,
    load_settings,
)
from homeamp_agent.settings.sections import Settings

__all__ = [
    "CONFIG_VARIABLE",
    "Effective",
    "Settings",
    "SettingsError",
    "default_config_file",
    "load_settings",
]
