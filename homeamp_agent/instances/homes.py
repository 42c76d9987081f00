"""Which plugin a file belongs to, by where it lies below the game folder."""

from __future__ import annotations

from homeamp_agent.instances.inventory import MOD_CONFIG, PLUGIN_FOLDERS, mod_config_stem
from homeamp_agent.model.instance import Instance


class PluginHomes:
    """The plugins' folders of one instance, ready to look up many files."""

    def __init__(self, instance: Instance) -> None:
        self._folders = {
            plugin.folder.casefold(): plugin.name for plugin in instance.plugins if plugin.folder
        }
        self._root = self._folders.get(".")
        mods = (
            plugin for plugin in instance.plugins if plugin.jar and plugin.jar.startswith("mods/")
        )
        # The longest id first: `foo-bar.toml` is foo-bar's, even where a mod foo exists.
        self._mods = sorted(
            ((plugin.name.casefold(), plugin.name) for plugin in mods),
            key=lambda mod: -len(mod[0]),
        )

    def owner(self, relative_path: str) -> str | None:
        """The name of the plugin that the file belongs to; None for the game's own files."""
        home, slash, rest = relative_path.partition("/")
        first, deeper, _ = rest.partition("/")
        if not slash:
            return self._root
        if home in PLUGIN_FOLDERS and deeper:
            return self._folders.get(f"{home}/{first}".casefold(), first)
        if home == MOD_CONFIG and self._mods:
            if deeper:
                known = self._folders.get(f"{home}/{first}".casefold())
                return known or self._mod_of(first.casefold())
            return self._mod_of(first.casefold().split(".")[0])
        return self._root

    def _mod_of(self, stem: str) -> str | None:
        return next((name for key, name in self._mods if mod_config_stem(stem, key)), None)


def plugin_of(relative_path: str, instance: Instance) -> str | None:
    """The plugin that the file at `relative_path` (below the game folder) belongs to.

    For many files of one instance, keep one `PluginHomes`.
    """
    return PluginHomes(instance).owner(relative_path)
