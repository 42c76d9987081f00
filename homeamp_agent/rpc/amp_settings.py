"""AMP's own settings for the working thread that changes files: asked over the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

from homeamp_agent.amp.client import Amp
from homeamp_agent.amp.errors import AmpError
from homeamp_agent.changes.nodes import AmpSettingError

ANSWER_S = 60.0
"""A log-in, its one repetition, and the call itself, each within its own bound."""


@dataclass(frozen=True, slots=True)
class PanelSettings:
    """`changes.nodes.AmpSettings` through a panel. Called from any thread but the loop's."""

    amp: Amp
    loop: asyncio.AbstractEventLoop

    def get(self, instance: str, node: str) -> str:
        """The value now; of a choice, its name."""
        value, names = self._asked(self.amp.choices(instance, node))
        return str(names.get(value, value))

    def set(self, instance: str, node: str, value: str) -> None:
        """Set it; a choice may be given by its name."""
        _, names = self._asked(self.amp.choices(instance, node))
        wanted = value.strip().casefold()
        by_name = {name.casefold(): key for key, name in names.items()}
        self._asked(self.amp.set_setting(instance, node, by_name.get(wanted, value)))

    def _asked(self, question: Coroutine[Any, Any, Any]) -> Any:
        asked = asyncio.run_coroutine_threadsafe(question, self.loop)
        try:
            return asked.result(ANSWER_S)
        except AmpError as error:
            raise AmpSettingError(str(error)) from error
        except TimeoutError as error:
            asked.cancel()
            raise AmpSettingError(f"AMP did not answer in {ANSWER_S:g} s") from error
