"""What the overview says, as text: totals, cards of hosts, bars of plugins, patterns, groups."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from textual.content import Content

from homeamp_agent.model.deployment import Deployment, DeploymentStage
from homeamp_agent.model.query import Counts, PluginCount
from homeamp_agent.model.rule import Severity
from homeamp_agent.rpc.protocol.messages import OverviewResult, StatusResult
from homeamp_tui.deployment_lines import STAGE_WORDS
from homeamp_tui.groups import Group
from homeamp_tui.links import Link, LinkState
from homeamp_tui.theme import SEVERITY_STYLES
from homeamp_tui.words import (
    KIND_WORDS,
    PATTERN_WORDS,
    SEVERITY_WORDS,
    ago_text,
    fit,
    fit_middle,
    plain,
    plural,
    side_text,
)

SIDE_BY_SIDE_CELLS = 100
"""From here on cards stand beside each other."""
PLUGINS_SHOWN = 10
GROUPS_SHOWN = 8
BAR_CELLS_MAX = 36


def totals(overviews: Sequence[OverviewResult], width: int) -> Content:
    """Open deviations over all hosts, by severity and by status."""
    counts = [overview.counts for overview in overviews]
    open_ = sum(each.open for each in counts)
    first = Content.assemble(
        (f"{open_:,}", "bold"), f" open {'deviation' if open_ == 1 else 'deviations'}   "
    )
    for severity in Severity:
        count = sum(_of(each, severity) for each in counts)
        style = SEVERITY_STYLES[severity] if count else "$faint"
        first += Content.assemble(
            (f" {SEVERITY_WORDS[severity]} ", style),
            (f" {count:,}   ", "bold" if count else "$faint"),
        )
    statuses = [
        f"{sum(each.flagged for each in counts):,} flagged",
        f"{sum(each.approved for each in counts):,} approved",
        f"{sum(each.fixed for each in counts):,} fixed",
        f"{sum(overview.variances for overview in overviews):,} different on purpose",
    ]
    second = Content.styled(" · ".join(statuses), "$muted")
    if first.cell_length + second.cell_length + 2 <= width:
        gap = width - first.cell_length - second.cell_length
        return first + " " * gap + second
    return first + "\n" + second


def _of(counts: Counts, severity: Severity) -> int:
    count: int = getattr(counts, severity.value)
    return count


def deployments(under_way: Sequence[Deployment]) -> Content:
    """How many deployments stand where; nothing where there is none."""
    if not under_way:
        return Content("")
    counts = Counter(each.stage for each in under_way)
    text = Content.styled(f"{plural(len(under_way), 'deployment')} (6)", "bold")
    for stage in DeploymentStage:
        if count := counts[stage]:
            wanted = stage in {DeploymentStage.AWAITING_APPROVAL, DeploymentStage.PAUSED}
            style = "$warning" if wanted else "$muted"
            text += Content.styled(f"   {count} {STAGE_WORDS[stage]}", style)
    return text


def host_title(link: Link) -> str:
    """The title of a host's card."""
    mark = {LinkState.CONNECTED: "●", LinkState.LOST: "✗", LinkState.CONNECTING: "◌"}[link.state]
    return f" {mark} {plain(link.host)} "


def host_card(
    link: Link, overview: OverviewResult | None, status: StatusResult | None, problem: str
) -> Content:
    """One host: how its agent is, what is on it, what is open."""
    lines: list[Content] = []
    if link.state is LinkState.LOST:
        lines.append(
            Content.assemble((f"lost {ago_text(link.since)}", "bold $error"), ", trying again")
        )
        lines.append(Content.styled(plain(link.why), "$muted"))
    elif link.state is LinkState.CONNECTING:
        lines.append(Content.styled("connecting…", "$warning"))
    elif problem:
        lines.append(Content.styled(plain(problem), "$warning"))
    if overview is None or status is None:
        return Content("\n").join(lines or [Content("Reading…")])
    for host in overview.hosts:
        if len(overview.hosts) > 1:
            lines.append(Content.styled(plain(host.host), "bold"))
        lines.append(
            Content.assemble(
                (f"{host.counts.open:,}", "bold"),
                " open  ",
                *_severity_pieces(host.counts),
            )
        )
        lines.append(
            Content(f"{plural(host.instances, 'instance')}, {plural(host.plugins, 'plugin')}")
            if host.instances
            else Content.styled("no instance: is `instances` AMP's own folder?", "$warning")
        )
    lines.append(_scan_line(status))
    lines.append(_baseline_line(status))
    return Content("\n").join(lines)


def _severity_pieces(counts: Counts) -> list[tuple[str, str]]:
    pieces: list[tuple[str, str]] = []
    for severity in Severity:
        if count := _of(counts, severity):
            style = SEVERITY_STYLES[severity]
            pieces += [(f" {SEVERITY_WORDS[severity][0]} ", style), (f" {count:,}  ", "")]
    return pieces


def _scan_line(status: StatusResult) -> Content:
    scan = status.scan
    if scan.running:
        return Content.styled("scanning…", "$primary")
    if scan.error:
        return Content.assemble(("scan failed: ", "$error"), plain(scan.error))
    if scan.finished_at is None:
        return Content.styled("not scanned yet", "$muted")
    watch = "watching" if status.watching else "not watching"
    return Content.assemble(
        f"scanned {ago_text(scan.finished_at)}",
        (
            f"  {scan.files:,} files, {scan.settings:,} settings"
            f" in {scan.seconds or 0:.1f} s, {watch}",
            "$muted",
        ),
    )


def _baseline_line(status: StatusResult) -> Content:
    baselines = status.baselines
    text = Content(plural(baselines.rules, "rule"))
    if baselines.errors:
        text += Content.styled(f"  ! {plural(baselines.errors, 'error')}", "bold $error")
    if baselines.warnings:
        text += Content.styled(f"  {plural(baselines.warnings, 'warning')}", "$warning")
    if not baselines.rules:
        text += Content.styled("  nothing is compared without one", "$warning")
    elif not baselines.errors and not baselines.warnings:
        text += Content.styled("  baselines read without a problem", "$muted")
    return text


def problems(statuses: Sequence[tuple[str, StatusResult]]) -> Content:
    """What is wrong with agents and baselines, one line each."""
    lines: list[str] = []
    for host, status in statuses:
        lines += [
            f"! {host}: {name} fails to load; its last good version counts"
            for name in status.baselines.stale
        ]
        lines += [f"! {host}: {problem}" for problem in status.problems]
    return Content("\n").join(Content(plain(line)) for line in lines)


def worst_plugins(counts: Sequence[PluginCount], width: int) -> Content:
    """The plugins with the most open deviations, as bars."""
    totals_by_plugin: dict[str, int] = {}
    places: dict[str, int] = {}
    for each in counts:
        name = each.plugin or "game folder"
        totals_by_plugin[name] = totals_by_plugin.get(name, 0) + each.open
        places[name] = places.get(name, 0) + each.instances
    worst = sorted(totals_by_plugin.items(), key=lambda item: (-item[1], item[0]))[:PLUGINS_SHOWN]
    lines = [Content.styled("WORST PLUGINS", "bold $primary")]
    if not worst:
        return Content("\n").join([*lines, Content.styled("none", "$muted")])
    most = worst[0][1]
    room = min(BAR_CELLS_MAX, max(6, width - 40))
    for name, count in worst:
        where = plural(places[name], "instance")
        lines.append(
            Content.assemble(
                fit(plain(name), 18),
                (f" {count:>5,} ", "bold"),
                *_bar(count, most, room),
                (f"  {where}", "$muted"),
            )
        )
    return Content("\n").join(lines)


def _bar(count: int, most: int, room: int) -> list[tuple[str, str]]:
    """A bar on its track; thick and thin, so that it can be told apart without colours."""
    full = max(1, round(room * count / most))
    return [("━" * full, "$primary"), ("─" * (room - full), "$line")]


def patterns(counts: Mapping[str, int], width: int) -> Content:
    """What the deviations look like over all instances."""
    lines = [Content.styled("PATTERNS", "bold $primary")]
    if not counts:
        return Content("\n").join([*lines, Content.styled("none seen", "$muted")])
    most = max(counts.values())
    room = min(BAR_CELLS_MAX, max(6, width - 40))
    for name in PATTERN_WORDS:
        if count := counts.get(name):
            lines.append(
                Content.assemble(
                    fit(PATTERN_WORDS[name], 24),
                    (f" {count:>5,} ", "bold"),
                    *_bar(count, most, room),
                )
            )
    return Content("\n").join(lines)


def widest(groups: Sequence[Group], width: int) -> Content:
    """The same deviation on many instances."""
    wide = [group for group in groups if group.count > 1][:GROUPS_SHOWN]
    if not wide:
        return Content("")
    lines = [Content.styled("THE SAME ON MANY INSTANCES", "bold $primary")]
    key = max(18, min(48, width - 60))
    for group in wide:
        head = group.head
        kind = KIND_WORDS[head.kind]
        actual = kind if head.actual is None else side_text(head.kind, head.actual)
        beside = kind if actual != kind else ""
        if head.expected is not None:
            beside = f"not {side_text(head.kind, head.expected)}"
        lines.append(
            Content.assemble(
                (f"{group.count:>4}×", "bold"),
                (f"  {fit(plain(head.plugin or 'game folder'), 16)} ", "$muted"),
                fit_middle(plain(head.key or head.file or head.plugin or ""), key),
                (f"  {fit(actual, 18)}", "$warning"),
                (f" {beside}", "$muted"),
            ).truncate(width, ellipsis=True)
        )
    return Content("\n").join(lines)


def note(words: str) -> Content:
    """What the command line wants to say."""
    return Content.styled(plain(words), "$muted")
