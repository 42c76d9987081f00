"""What all screens share: the bar above, the keys below, and why a key does nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.screen import Screen

from homeamp_agent.model.event import Event
from homeamp_tui.links import Link
from homeamp_tui.widgets.bars import KeyBar, KeyShown, TopBar

if TYPE_CHECKING:
    from homeamp_tui.app import HomeampApp

WIDE_CELLS = 110
"""From here on panes stand beside each other."""
READ_ONLY_ASKED = "this dashboard was opened with --read-only"
READ_ONLY_GRANTED = "the agents let this user look, but change nothing"


class HouseScreen(Screen[None]):
    """A screen of the dashboard. It reads from the agents only while somebody looks at it."""

    NAME: ClassVar[str]
    KEYS: ClassVar[tuple[tuple[str, str, str], ...]] = ()
    """(key, label, action) of the key bar, the most important first."""

    KEYS_HELP: ClassVar[str]
    """What the help says of the keys here."""

    CHANGING: ClassVar[frozenset[str]] = frozenset()
    """Actions that change something on an agent."""

    @property
    def dashboard(self) -> HomeampApp:
        """The app, by its own type."""
        return cast("HomeampApp", self.app)

    @property
    def standing(self) -> bool:
        """Whether its widgets are there: not yet while it opens, no more while the app closes."""
        return self.is_mounted and bool(self.query(TopBar)) and bool(self.query(KeyBar))

    def compose(self) -> ComposeResult:
        yield TopBar(self.dashboard.links, self.NAME)
        yield from self.compose_body()
        yield KeyBar()

    def compose_body(self) -> ComposeResult:
        """What stands between the bars."""
        raise NotImplementedError

    def link_changed(self, link: Link) -> None:
        """A link came up, was lost, or tries again."""

    def event_heard(self, link: Link, event: Event) -> None:
        """Something happened on an agent."""

    def relist(self, link: Link) -> None:
        """Single events of this agent cannot be trusted: read everything again."""

    def why_not(self, action: str) -> str:
        """Why an action cannot be done now; empty if it can."""
        if action in self.CHANGING and self.dashboard.read_only:
            return READ_ONLY_ASKED if self.dashboard.asked_read_only else READ_ONLY_GRANTED
        return ""

    def act_words(self, action: str) -> str:
        """What an action is called, as the list of commands says it."""
        words = {
            binding.action.partition("(")[0]: binding.description
            for bindings in self._bindings.key_to_bindings.values()
            for binding in bindings
        }
        said = words.get(action) or action.replace("_", " ")
        return said[:1].lower() + said[1:]

    def shows(self, action: str) -> bool:
        """Whether the bar of keys names an action now; one that cannot be done is greyed there."""
        return not (action in self.CHANGING and self.dashboard.read_only)

    def label_of(self, action: str, label: str) -> str:
        """What the bar of keys calls an action now; `label` is what it is called mostly."""
        del action
        return label

    def check_action(
        self,
        action: str,
        parameters: tuple[object, ...],  # noqa: ARG002  (textual's own signature)
    ) -> bool | None:
        """Grey out what cannot be done."""
        return None if self.is_mounted and self.why_not(action) else True

    def show_bars(self) -> None:
        """Bring the bars up to date."""
        if not self.standing:
            return
        top = self.query_one(TopBar)
        top.read_only = self.dashboard.read_only
        top.refresh()
        keys = [
            KeyShown(key, self.label_of(action, label), self.why_not(action))
            for key, label, action in self.KEYS
            if self.shows(action)
        ]
        self.query_one(KeyBar).show_keys(
            [*keys, KeyShown("question_mark", "Help", "")],
            waits=next(reversed(self.dashboard.waits.values()), ""),
        )

    def on_mount(self) -> None:
        self._fit()
        self.show_bars()

    def on_resize(self) -> None:
        self._fit()

    def _fit(self) -> None:
        self.set_class(self.app.size.width >= WIDE_CELLS, "-wide")
        self.fitted()

    def fitted(self) -> None:
        """The size changed; the class `-wide` says whether panes stand beside each other."""

    def on_screen_resume(self) -> None:
        self.show_bars()
