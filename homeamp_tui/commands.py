"""The command palette: every key of the open screen by its name, and ready-made filters."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

from textual.command import DiscoveryHit, Hit, Hits, Provider

from homeamp_agent.model.rule import Severity
from homeamp_tui.tabs import TABS
from homeamp_tui.theme import DARK, LIGHT
from homeamp_tui.words import PATTERN_WORDS

HIDDEN = frozenset({"app.commands"})


class Command(NamedTuple):
    """One entry of the palette."""

    words: str
    help: str
    run: Callable[[], object]


class HouseCommands(Provider):
    """Commands of the dashboard."""

    def _commands(self) -> Iterator[Command]:
        for key, (node, binding, enabled, _) in self.screen.active_bindings.items():
            if binding.id and binding.show and binding.id not in HIDDEN:
                state = "" if enabled else ", not now"
                run = partial(self.app.run_action, binding.action, node)
                yield Command(binding.description, f"key {key}{state}", run)
        for tab in TABS:
            yield Command(
                f"Go to {tab.words}", f"key {tab.key}", partial(self.app.switch_mode, tab.name)
            )
        for severity in Severity:
            yield self._filter(f"Only {severity.value}", f"severity:{severity.value}")
        for name, words in PATTERN_WORDS.items():
            yield self._filter(f"Only pattern: {words}", f"pattern:{name}")
        for theme, words in ((DARK, "Dark colours"), (LIGHT, "Light colours")):
            yield Command(words, "theme", partial(setattr, self.app, "theme", theme.name))

    def _filter(self, words: str, text: str) -> Command:
        return Command(words, f"/ {text}", partial(self.app.run_action, f"app.filter_by({text!r})"))

    async def discover(self) -> Hits:
        for command in self._commands():
            yield DiscoveryHit(command.words, command.run, help=command.help)

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for command in self._commands():
            score = matcher.match(command.words)
            if score > 0:
                yield Hit(score, matcher.highlight(command.words), command.run, help=command.help)
