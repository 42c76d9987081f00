"""The first screen: every host at a glance, and where it hurts most."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from homeamp_agent.model.deployment import OVER, Deployment, DeploymentStage
from homeamp_agent.model.deviation import DeviationGroup
from homeamp_agent.model.event import Event
from homeamp_agent.model.query import DeviationFilter, PluginCount
from homeamp_agent.rpc.protocol.errors import MethodNotFound, RpcError
from homeamp_agent.rpc.protocol.messages import (
    DeploymentsListParams,
    DeploymentsListResult,
    DeviationsCountParams,
    DeviationsCountResult,
    DeviationsGroupsParams,
    DeviationsGroupsResult,
    NoParams,
    OverviewResult,
    StatusResult,
)
from homeamp_tui.groups import GroupShare, merged
from homeamp_tui.links import Link, LinkState, NotConnected
from homeamp_tui.refresher import Refresher
from homeamp_tui.screens import cards
from homeamp_tui.screens.house import HouseScreen
from homeamp_tui.screens.nobody import nobody_answers
from homeamp_tui.words import PATTERN_WORDS

AGES_SECONDS = 20.0
"""Ages are in minutes mostly: repainting them three times a minute is enough."""
GROUPS_ASKED = 40


@dataclass(slots=True)
class HostNews:
    """What one agent said last."""

    link: Link
    overview: OverviewResult | None = None
    status: StatusResult | None = None
    problem: str = ""
    groups: tuple[DeviationGroup, ...] = ()
    patterns: dict[str, int] = field(default_factory=dict)
    deployments: tuple[Deployment, ...] = ()


class OverviewScreen(HouseScreen):
    """Totals, a card for every host, the worst plugins, patterns and groups."""

    NAME = "overview"
    KEYS = (
        ("enter", "Deviations", "open"),
        ("3", "Changes", "changes"),
        ("r", "Rescan", "rescan"),
        ("q", "Quit", "quit"),
    )
    CHANGING = frozenset({"rescan"})
    KEYS_HELP = """\
Open       enter or 2: the deviations   3: the changes   6: the deployments
Scroll     j k ↓ ↑
Act        r: every agent scans again now
"""

    DEFAULT_CSS = """
    OverviewScreen #overview { padding: 1 2 0 2; scrollbar-size-vertical: 1; background: $surface; }
    OverviewScreen Static { height: auto; }
    OverviewScreen #hosts { height: auto; margin: 1 0 0 0; }
    OverviewScreen .card {
        width: 1fr; min-width: 36; margin: 0 2 0 0; padding: 0 1;
        border: round $border-blurred; border-title-color: $primary; border-title-style: bold;
    }
    OverviewScreen .card.-lost { border: round $error; border-title-color: $error; }
    OverviewScreen #worst { height: auto; margin: 1 0 0 0; }
    OverviewScreen #worst > Static { width: 1fr; margin: 0 2 1 0; }
    OverviewScreen #problems { color: $warning; }
    OverviewScreen #deployments { margin: 1 0 0 0; }
    OverviewScreen.-narrow #hosts, OverviewScreen.-narrow #worst { layout: vertical; }
    OverviewScreen.-narrow .card { width: 1fr; margin: 0; }
    OverviewScreen.-narrow #overview { padding: 0 1; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "Deviations", id="overview.open"),
        Binding("j", "scroll(1)", "Down", show=False, id="overview.down"),
        Binding("k", "scroll(-1)", "Up", show=False, id="overview.up"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._news: dict[str, HostNews] = {}
        self._refreshers: dict[str, Refresher] = {}

    def compose_body(self) -> ComposeResult:
        with VerticalScroll(id="overview"):
            yield Static(id="totals", markup=False)
            yield Static(id="deployments", markup=False)
            yield Static(id="note", markup=False)
            yield Static(id="problems", markup=False)
            with Horizontal(id="hosts"):
                for number, _ in enumerate(self.dashboard.links):
                    yield Static(id=f"host-{number}", classes="card", markup=False)
            with Horizontal(id="worst"):
                yield Static(id="plugins", markup=False)
                yield Static(id="patterns", markup=False)
            yield Static(id="groups", markup=False)

    def on_mount(self) -> None:
        for link in self.dashboard.links:
            self._news[link.url] = HostNews(link)
            self._refreshers[link.url] = Refresher(self._reading(link))
            self.run_worker(self._refreshers[link.url].run(), group="overview", exit_on_error=False)
        self.set_interval(AGES_SECONDS, self._paint_if_seen)
        self.query_one("#overview").focus()
        self.wake()
        self._paint()

    def _reading(self, link: Link):  # type: ignore[no-untyped-def]  # a coroutine function
        async def read(_stale: bool) -> None:
            await self._read(link)

        return read

    def wake(self) -> None:
        """Somebody looks."""
        for refresher in self._refreshers.values():
            refresher.wake()

    def fitted(self) -> None:
        self.set_class(self.app.size.width < cards.SIDE_BY_SIDE_CELLS, "-narrow")
        if self._news:
            self.call_after_refresh(self._paint)

    def on_screen_resume(self) -> None:
        self.show_bars()
        self.wake()

    def on_screen_suspend(self) -> None:
        for refresher in self._refreshers.values():
            refresher.rest()

    def link_changed(self, link: Link) -> None:
        if link.state is LinkState.CONNECTED:
            self.relist(link)
        self._paint()

    def relist(self, link: Link) -> None:
        if link.url in self._refreshers:
            self._refreshers[link.url].poke()

    def event_heard(self, link: Link, event: Event) -> None:
        del event
        self.relist(link)

    async def _read(self, link: Link) -> None:
        news = HostNews(link)
        try:
            news.overview, news.status, groups = await asyncio.gather(
                link.call("fleet.overview", NoParams(), OverviewResult),
                link.call("agent.status", NoParams(), StatusResult),
                link.call(
                    "deviations.groups",
                    DeviationsGroupsParams(limit=GROUPS_ASKED),
                    DeviationsGroupsResult,
                ),
            )
            news.groups = groups.groups
            news.patterns = await _patterns(link)
            news.deployments = await _under_way(link)
        except (NotConnected, RpcError) as error:
            last = self._news[link.url]
            last.problem = str(error)
        else:
            self._news[link.url] = news
        self._paint()

    def _paint_if_seen(self) -> None:
        if self.is_current:
            self._paint()

    def _paint(self) -> None:
        if not self.standing or not self._news:
            return
        news = list(self._news.values())
        width = self.query_one("#overview").content_size.width
        self.show_bars()
        known = [each for each in news if each.overview is not None]
        if not known:
            links = self.dashboard.links
            waiting = any(link.state is LinkState.CONNECTED for link in links)
            text = Content("Reading…") if waiting else nobody_answers(links)
            self.query_one("#totals", Static).update(text)
        else:
            self.query_one("#totals", Static).update(
                cards.totals([each.overview for each in known if each.overview], width)
            )
        self._paint_hosts(news)
        problems = cards.problems([(each.link.host, each.status) for each in news if each.status])
        self._show_if_any("#problems", problems)
        self._paint_worst(known, width)
        under_way = [each for host in known for each in host.deployments]
        self._show_if_any("#deployments", cards.deployments(under_way))
        self._show_if_any("#note", cards.note(self.dashboard.note))

    def _show_if_any(self, selector: str, words: Content) -> None:
        lines = self.query_one(selector, Static)
        lines.update(words)
        lines.display = bool(words)

    def _paint_hosts(self, news: Sequence[HostNews]) -> None:
        for number, each in enumerate(news):
            card = self.query_one(f"#host-{number}", Static)
            lost = each.link.state is LinkState.LOST
            card.set_class(lost, "-lost")
            card.border_title = Content(cards.host_title(each.link))
            card.update(cards.host_card(each.link, each.overview, each.status, each.problem))

    def _paint_worst(self, news: Sequence[HostNews], width: int) -> None:
        wide = width >= cards.SIDE_BY_SIDE_CELLS - 6
        column = width // 2 - 2 if wide else width
        plugins: list[PluginCount] = [
            count for each in news if each.overview for count in each.overview.plugins
        ]
        self.query_one("#plugins", Static).update(cards.worst_plugins(plugins, column))
        patterns: dict[str, int] = {}
        for each in news:
            for name, count in each.patterns.items():
                patterns[name] = patterns.get(name, 0) + count
        self.query_one("#patterns", Static).update(cards.patterns(patterns, column))
        groups = merged(
            [GroupShare(each.link.host, each.groups, len(each.groups)) for each in news]
        )
        self.query_one("#groups", Static).update(cards.widest(groups, width))

    def action_open(self) -> None:
        self.app.switch_mode("deviations")

    def action_scroll(self, lines: int) -> None:
        self.query_one("#overview").scroll_relative(y=lines, animate=False)


async def _patterns(link: Link) -> dict[str, int]:
    """How many open deviations show each pattern."""
    found: dict[str, int] = {}
    for name in PATTERN_WORDS:
        params = DeviationsCountParams(filter=DeviationFilter(text=f"pattern:{name}"))
        answer = await link.call("deviations.count", params, DeviationsCountResult)
        if answer.total:
            found[name] = answer.total
    return found


async def _under_way(link: Link) -> tuple[Deployment, ...]:
    """Deployments that are not over; none of an agent that is older than they are."""
    wanted = tuple(each for each in DeploymentStage if each not in OVER)
    try:
        params = DeploymentsListParams(stages=wanted)
        answer = await link.call("deployments.list", params, DeploymentsListResult)
    except MethodNotFound:
        return ()
    return answer.deployments
