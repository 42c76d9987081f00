"""The instances of a host: which there are, what they run, their plugins, their config files.

What lives here: reading AMP's layout on disk, jars' descriptors, and the rules for what is a config
file and what is never scanned. What may not: reading a config file's settings, and any writing.

Nothing here raises for bad input: what cannot be read is left out and named in one problem line.
AMP's own `AMPConfig.conf` and `*.kvp` lie outside the game folder and are no config files here.
"""

from __future__ import annotations

from homeamp_agent.instances.discovery import Discovery, discover
from homeamp_agent.instances.files import ConfigFileRef, Sieve, config_files
from homeamp_agent.instances.homes import PluginHomes, plugin_of
from homeamp_agent.instances.ignores import ignored
from homeamp_agent.instances.inventory import inventory

__all__ = [
    "ConfigFileRef",
    "Discovery",
    "PluginHomes",
    "Sieve",
    "config_files",
    "discover",
    "ignored",
    "inventory",
    "plugin_of",
]
