"""The first screen: every host at a glance, and where it hurts most."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from rich.table import Table
from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.screen import Screen
from textual.widgets import Footer, Static

from homeamp_agent.model.rule import Severity
from homeamp_agent.rpc.protocol.errors import RpcError
from homeamp_agent.rpc.protocol.messages import NoParams, OverviewResult, StatusResult
from homeamp_tui.links import Link, LinkState, NotConnected
from homeamp_tui.words import SEVERITY_GLYPHS, SEVERITY_STYLES, age_text, plural

if TYPE_CHECKING:
    from homeamp_tui.app import HomeampApp

PLUGINS_SHOWN = 10


class OverviewScreen(Screen[None]):
    """Cards of hosts, totals, the plugins with the most deviations."""

    CSS = """
    OverviewScreen #overview { padding: 0 2; }
    """

    def compose(self) -> ComposeResult:
        yield Static(id="banner", markup=False)
        with VerticalScroll(id="overview"):
            yield Static(id="overview-body")
        yield Footer()

    @property
    def dashboard(self) -> HomeampApp:
        """The app, by its own type."""
        return cast("HomeampApp", self.app)

    def on_screen_resume(self) -> None:
        self.refresh_from_agents()

    @work(exclusive=True, exit_on_error=False, group="overview")
    async def refresh_from_agents(self) -> None:
        """Ask every agent and paint; an agent that is away is painted as away."""
        told: list[tuple[Link, OverviewResult | None, StatusResult | None, str]] = []
        for link in self.dashboard.links:
            try:
                overview = await link.call("fleet.overview", NoParams(), OverviewResult)
                status = await link.call("agent.status", NoParams(), StatusResult)
                told.append((link, overview, status, ""))
            except (NotConnected, RpcError) as error:
                told.append((link, None, None, str(error)))
        self.query_one("#overview-body", Static).update(_body(told))


def _body(told: list[tuple[Link, OverviewResult | None, StatusResult | None, str]]) -> Table:
    page = Table.grid(padding=(0, 0))
    page.add_column()
    page.add_row(_totals(told))
    page.add_row(_hosts(told))
    page.add_row(_plugins(told))
    page.add_row(_problems(told))
    return page


def _totals(told: list[tuple[Link, OverviewResult | None, StatusResult | None, str]]) -> Text:
    text = Text("\n")
    for severity in Severity:
        count = sum(
            getattr(overview.counts, severity.value) for _, overview, _, _ in told if overview
        )
        style = SEVERITY_STYLES[severity] if count else "dim"
        text.append(f"{SEVERITY_GLYPHS[severity].strip()} ", style=style)
        text.append(f"{count}   ", style="bold" if count else "dim")
    variances = sum(overview.variances for _, overview, _, _ in told if overview)
    text.append(f"≠ {variances} on purpose\n", style="dim")
    return text


def _hosts(told: list[tuple[Link, OverviewResult | None, StatusResult | None, str]]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold dim")
    for name in ("HOST", "STATE", "INSTANCES", "OPEN", "FLAGGED", "APPROVED", "LAST SCAN"):
        justify = "right" if name in {"INSTANCES", "OPEN", "FLAGGED", "APPROVED"} else "left"
        table.add_column(name, justify=justify)  # type: ignore[arg-type]  # two of rich's words
    for link, overview, status, problem in told:
        if overview is None or status is None:
            state = link.state.value if link.state is not LinkState.CONNECTED else problem
            table.add_row(Text(link.host), Text(f"✗ {state}", style="red"))
            continue
        for host in overview.hosts:
            scan = status.scan
            seen = "scanning…" if scan.running else f"{age_text(scan.finished_at)} ago"
            table.add_row(
                Text(host.host, style="bold"),
                Text(f"✓ {host.state}", style="green"),
                str(host.instances),
                Text(str(host.counts.open), style="bold"),
                str(host.counts.flagged),
                str(host.counts.approved),
                f"{seen} · {scan.files:,} files in {scan.seconds or 0:.1f} s",
            )
    return table


def _plugins(told: list[tuple[Link, OverviewResult | None, StatusResult | None, str]]) -> Text:
    counts: dict[str, int] = {}
    for _, overview, _, _ in told:
        for each in overview.plugins if overview else ():
            name = each.plugin or "game folder"
            counts[name] = counts.get(name, 0) + each.open
    worst = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:PLUGINS_SHOWN]
    text = Text("\nWHERE IT HURTS\n", style="bold dim")
    most = max((count for _, count in worst), default=1)
    for name, count in worst:
        text.append(f"{name:<20.20} ", style="default")
        text.append("▇" * max(1, 24 * count // most), style="cyan")
        text.append(f" {count}\n", style="bold")
    return text


def _problems(told: list[tuple[Link, OverviewResult | None, StatusResult | None, str]]) -> Text:
    text = Text()
    for link, _, status, _ in told:
        if status is None:
            continue
        baselines = status.baselines
        for name in baselines.stale:
            text.append(f"\n! {link.host}: {name} fails to load; its last good version counts")
        if baselines.errors:
            text.append(f"\n! {link.host}: {plural(baselines.errors, 'error')} in the baselines")
        for problem in status.problems:
            text.append(f"\n! {link.host}: {problem}")
    text.stylize("yellow")
    return text
