"""The app: links to agents, screens, and what all screens need."""

from __future__ import annotations

import os
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any, ClassVar, Literal

from textual.app import App
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.dom import DOMNode
from textual.worker import Worker, WorkerState

from homeamp_agent.model.event import Event, Topic
from homeamp_agent.rpc.protocol.messages import Access
from homeamp_tui.acts import Acts
from homeamp_tui.clipboard import TooLong, osc52
from homeamp_tui.commands import HouseCommands
from homeamp_tui.deploying import Deploying
from homeamp_tui.dialogs.dialog import DIALOG_CSS
from homeamp_tui.dialogs.told import Told
from homeamp_tui.games import Games
from homeamp_tui.help import help_text
from homeamp_tui.line_editing import LineEditing
from homeamp_tui.links import Link, LinkState
from homeamp_tui.requesting import Requesting
from homeamp_tui.rolling_back import RollingBack
from homeamp_tui.ruling import Ruling
from homeamp_tui.screens.changes import ChangesScreen
from homeamp_tui.screens.deployments import DeploymentsScreen
from homeamp_tui.screens.deviations import DeviationsScreen
from homeamp_tui.screens.history import HistoryScreen
from homeamp_tui.screens.house import HouseScreen
from homeamp_tui.screens.instances import InstancesScreen
from homeamp_tui.screens.matrix import MatrixScreen
from homeamp_tui.screens.overview import OverviewScreen
from homeamp_tui.screens.rules import RulesScreen
from homeamp_tui.stylesheet import KeptStylesheet
from homeamp_tui.suggesting import Suggesting
from homeamp_tui.tabs import TABS, screens_help
from homeamp_tui.theme import DARK, LIGHT
from homeamp_tui.words import plain, plural

LIGHTS_SECONDS = 1.0
"""How often the age of a lost link is painted; nothing is painted while all stand."""

HELP_ALWAYS = f"""\
{screens_help()}\
Anywhere   : or ctrl+p: all commands   r scan again   ? help   q quit
"""


HOUSE_CSS = """
    FilterBar > Input, FilterBar > Input:focus { background: $panel; padding: 0; }
    Toast {
        width: 60; max-width: 75%; padding: 0 1;
        background: $panel; color: $foreground; border-left: outer $primary;
    }
    Toast.-warning { border-left: outer $warning; }
    Toast.-error { border-left: outer $error; }
    ToastRack { margin-bottom: 1; }
    Dialog ToastRack { dock: top; align: right top; margin: 0; }
"""


class HomeampApp(App[None]):
    """The dashboard on one or many agents."""

    TITLE = "homeamp"
    CSS = HOUSE_CSS + DIALOG_CSS
    COMMANDS: ClassVar[set[Any]] = {HouseCommands}
    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            Binding(tab.key, f"show('{tab.name}')", tab.words, show=False, id=f"app.{tab.name}")
            for tab in TABS
        ),
        Binding("colon", "command_palette", "Commands", show=False, id="app.commands"),
        Binding("r", "rescan", "Rescan", id="app.rescan"),
        Binding("question_mark,f1", "help", "Help", id="app.help"),
        Binding("q", "quit", "Quit", id="app.quit"),
    ]
    MODES: ClassVar[dict[str, Callable[[], HouseScreen]]] = {  # type: ignore[assignment]  # narrower than textual's
        "overview": OverviewScreen,
        "deviations": DeviationsScreen,
        "changes": ChangesScreen,
        "history": HistoryScreen,
        "instances": InstancesScreen,
        "matrix": MatrixScreen,
        "deployments": DeploymentsScreen,
        "rules": RulesScreen,
    }

    def __init__(
        self,
        urls: Sequence[str],
        *,
        read_only: bool = False,
        note: str = "",
        start: str = "overview",
    ) -> None:
        super().__init__()
        self.stylesheet = KeptStylesheet(variables=self.get_css_variables())
        self.asked_read_only = read_only
        self.note = note
        self._start = start
        self.links = [
            Link(url, self._link_changed, self._event_heard, self._relist_wanted)
            for url in dict.fromkeys(urls)
        ]
        self.acts = Acts(self)
        self.rolling_back = RollingBack(self)
        self.ruling = Ruling(self)
        self.suggesting = Suggesting(self)
        self.requesting = Requesting(self)
        self.line_editing = LineEditing(self)
        self.games = Games(self)
        self.deploying = Deploying(self)
        self._told_lost: set[str] = set()
        self.waits: dict[object, str] = {}
        self.register_theme(DARK)
        self.register_theme(LIGHT)
        # Before the first screen: a theme set later has every style computed once more.
        self.theme = DARK.name

    @property
    def read_only(self) -> bool:
        """Whether nothing may be changed: asked for, or every agent grants only to read."""
        granted = [link.hello.access for link in self.links if link.hello is not None]
        return self.asked_read_only or (
            bool(granted) and all(access is not Access.OPERATE for access in granted)
        )

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return dict((DARK if self.current_theme.dark else LIGHT).variables)

    async def on_mount(self) -> None:
        await self.switch_mode(self._start)
        for link in self.links:
            self.run_worker(link.run(), group="links", exit_on_error=False)
        self.set_interval(LIGHTS_SECONDS, self._age_lights)

    @property
    def house(self) -> HouseScreen | None:
        """The dashboard's screen, also while a dialog stands over it."""
        return next(
            (each for each in reversed(self.screen_stack) if isinstance(each, HouseScreen)), None
        )

    def action_show(self, mode: str) -> None:
        self.switch_mode(mode)

    async def action_filter_by(self, text: str) -> None:
        """Look at the deviations that match."""
        await self.switch_mode("deviations")
        if isinstance(self.house, DeviationsScreen):
            self.house.filter_by(text)

    def action_help(self) -> None:
        house = self.house
        if house is not None:
            self.push_screen(Told("Keys", partial(help_text, house.KEYS_HELP + HELP_ALWAYS)))

    def action_rescan(self) -> None:
        self.act(self.acts.rescan())

    def why_not(self, action: str) -> str:
        """Why an action of the app cannot be done now; empty if it can."""
        house = self.house
        return house.why_not(action) if house is not None and action == "rescan" else ""

    def act_words(self, action: str) -> str:
        """What an action of the app is called."""
        return action.replace("_", " ")

    def check_action(
        self,
        action: str,
        parameters: tuple[object, ...],  # noqa: ARG002  (textual's own signature)
    ) -> bool | None:
        """Grey out what cannot be done."""
        return None if self.is_running and self.why_not(action) else True

    async def run_action(
        self,
        action: Any,
        default_namespace: DOMNode | None = None,
        namespaces: Any = None,
    ) -> bool:
        """As textual does it, but a greyed key says why it does nothing."""
        done = await super().run_action(action, default_namespace, namespaces)
        owner = default_namespace if default_namespace is not None else self
        if not done and isinstance(action, str) and isinstance(owner, (HouseScreen, HomeampApp)):
            name = action.partition("(")[0].rpartition(".")[2]
            if why := owner.why_not(name):
                self.tell(f"Cannot {owner.act_words(name)}: {why}", severity="warning")
                return True
        return done

    def act(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something on the agents, beside everything else."""
        self.run_worker(work, group="acts", exit_on_error=False)

    def wait_begun(self, mark: object, words: str) -> None:
        """Say in the line of keys that something is waited for; `mark` ends it."""
        self.waits[mark] = words
        self._show_waits()

    def wait_ended(self, mark: object) -> None:
        """It is not waited for any more."""
        if self.waits.pop(mark, None) is not None:
            self._show_waits()

    def _show_waits(self) -> None:
        if (house := self.house) is not None:
            house.show_bars()

    def tell(
        self, words: str, *, severity: Literal["information", "warning", "error"] = "information"
    ) -> None:
        """Say something that may be missed."""
        self.notify(plain(words), severity=severity, markup=False)

    def tell_wrong(self, title: str, words: str) -> None:
        """Say something that must be read."""
        lines = [Content(plain(line)) for line in words.splitlines()]
        self.push_screen(Told(plain(title), Content("\n").join(lines), wrong=True))

    def copy_lines(self, lines: Sequence[str]) -> None:
        """Put lines on the clipboard of the terminal somebody sits at."""
        try:
            sequence = osc52("\n".join(lines), os.environ)
        except TooLong as error:
            self.tell(str(error), severity="warning")
            return
        if self._driver is not None:
            self._driver.write(sequence)
            self._driver.flush()
        self.tell(f"Copied {plural(len(lines), 'line')}.")

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """A mistake of ours is shown; the rest of the dashboard goes on."""
        if event.state is WorkerState.ERROR:
            error = event.worker.error
            self.tell_wrong(
                "A mistake in the dashboard",
                f"{type(error).__name__}: {error}\n\nin {event.worker.name}. Nothing on any agent "
                "is harmed by it. Opening the dashboard again helps; please report it.",
            )

    def _link_changed(self, link: Link) -> None:
        if link.state is not LinkState.LOST:
            self._told_lost.discard(link.url)
        elif link.hello is not None and link.url not in self._told_lost:
            self._told_lost.add(link.url)
            self.tell(f"{link.host} is lost: {link.why}", severity="warning")
        if (house := self.house) is not None and house.standing:
            house.link_changed(link)
            house.show_bars()

    def _event_heard(self, link: Link, event: Event) -> None:
        if event.topic is Topic.DEPLOYMENTS:
            self.deploying.heard(link, event)
        elif event.topic is Topic.INSTANCES:
            self.games.heard(link, event)
        if (house := self.house) is not None and house.standing:
            house.event_heard(link, event)

    def _relist_wanted(self, link: Link) -> None:
        if (house := self.house) is not None and house.standing:
            house.relist(link)

    def _age_lights(self) -> None:
        if any(link.state is LinkState.LOST for link in self.links):
            house = self.house
            if house is not None:
                house.show_bars()
