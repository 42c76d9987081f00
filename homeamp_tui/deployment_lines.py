"""Deployments in words: stages, waves, checks and the log."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content

from homeamp_agent.model.deployment import (
    CheckOutcome,
    Deployment,
    DeploymentLine,
    DeploymentStage,
    Wave,
    WaveState,
)
from homeamp_tui.progress import bar_text
from homeamp_tui.widgets.diff_view import Line, reason_lines
from homeamp_tui.words import ago_text, brief, plain

STAGE_WORDS = {
    DeploymentStage.PLANNED: "· planned",
    DeploymentStage.DEV: "… writes DEV",
    DeploymentStage.CHECKING: "… looks at DEV",
    DeploymentStage.AWAITING_APPROVAL: "? to approve",
    DeploymentStage.WAVES: "… in waves",
    DeploymentStage.PAUSED: "‖ paused",
    DeploymentStage.DONE: "✔ done",
    DeploymentStage.ABORTED: "– aborted",
    DeploymentStage.FAILED: "✖ failed",
    DeploymentStage.ROLLING_BACK: "↶ rolling back",
    DeploymentStage.ROLLED_BACK: "↶ rolled back",
}
STAGE_STYLES = {
    DeploymentStage.DONE: "good",
    DeploymentStage.FAILED: "bad",
    DeploymentStage.AWAITING_APPROVAL: "warning",
    DeploymentStage.PAUSED: "warning",
    DeploymentStage.ROLLING_BACK: "warning",
    DeploymentStage.ROLLED_BACK: "muted",
    DeploymentStage.ABORTED: "muted",
}
WAVE_WORDS = {
    WaveState.PENDING: "· to come",
    WaveState.APPLYING: "… is written",
    WaveState.CHECKING: "… is looked at",
    WaveState.PASSED: "✔ found well",
    WaveState.APPLIED: "– written, not looked at",
    WaveState.FAILED: "✖ failed",
    WaveState.ROLLED_BACK: "↶ rolled back",
    WaveState.NOT_ROLLED_BACK: "! not all rolled back",
}
_WAVE_STYLES = {
    WaveState.PASSED: "diff--added",
    WaveState.FAILED: "diff--removed",
    WaveState.NOT_ROLLED_BACK: "diff--removed",
    WaveState.APPLIED: "diff--warning",
}
_LEVEL_STYLES = {"info": "diff--plain", "warning": "diff--warning", "error": "diff--error"}

TITLE_CELLS = 8
BAR_CELLS = 5
HEAD_BAR_CELLS = 20


def waves_text(deployment: Deployment) -> str:
    """`▰▰▱▱▱ 2/5`: waves that were found well, of all."""
    done, total = deployment.passed, len(deployment.waves)
    return f"{bar_text(done, total, BAR_CELLS)} {done}/{total}"


def head_of(host: str, deployment: Deployment) -> Content:
    """What stays above the log: where it stands, why, how far, and what is wrong."""
    style = {"good": "bold $success", "bad": "bold $error", "warning": "bold $warning"}.get(
        STAGE_STYLES.get(deployment.stage, ""), "bold"
    )
    done, total = deployment.passed, len(deployment.waves)
    when = f"  {ago_text(deployment.created_at)} on {plain(host)} by {plain(deployment.author)}"
    lines = [
        Content.assemble((STAGE_WORDS[deployment.stage], style), (when, "$muted")),
        Content.styled(brief(deployment.reason), "bold"),
        Content.assemble(
            (bar_text(done, total, HEAD_BAR_CELLS), "$primary"),
            f" {done}/{total} waves",
            (_now_text(deployment), "$muted"),
        ),
    ]
    if deployment.message:
        lines.append(Content.styled(plain(deployment.message), "$warning"))
    if deployment.failure and deployment.failure != deployment.message:
        lines.append(Content.styled(plain(deployment.failure), "$error"))
    return Content("\n").join(lines)


def _now_text(deployment: Deployment) -> str:
    """The first wave that was not found well, where there is one."""
    wave = next((each for each in deployment.waves if each.state is not WaveState.PASSED), None)
    return "" if wave is None else f"  {wave.title} {WAVE_WORDS[wave.state]}"


def body_of(deployment: Deployment, lines: Sequence[DeploymentLine]) -> list[Line]:
    """The waves, what is wrong with them, and the log, its newest line last."""
    shown = reason_lines(deployment.reason)
    for wave in deployment.waves:
        shown += _wave_lines(wave)
    for note in deployment.notes:
        shown.append(((f"note: {plain(note)}", "diff--note"),))
    for each in deployment.refused:
        place = f"{each.edit.instance} {each.edit.file}"
        shown.append(((plain(f"left out: {place}: {each.reason}"), "diff--warning"),))
    shown.append((("", "diff--plain"),))
    return [*shown, *(_log_line(each) for each in lines)]


def _wave_lines(wave: Wave) -> list[Line]:
    style = _WAVE_STYLES.get(wave.state, "diff--plain")
    lines: list[Line] = [
        (
            (wave.title.ljust(TITLE_CELLS), "diff--file"),
            (WAVE_WORDS[wave.state], style),
            (f"  {plain(', '.join(wave.instances))}", "diff--note"),
        )
    ]
    wrong = [each for each in wave.checks if each.outcome is CheckOutcome.FAILED]
    texts = [f"{each.instance or wave.title}: {each.name}: {each.evidence}" for each in wrong]
    if wave.message and not wrong:
        texts.append(wave.message)
    indent = " " * TITLE_CELLS
    return [*lines, *(((indent + plain(text), "diff--error"),) for text in texts)]


def _log_line(line: DeploymentLine) -> Line:
    clock = f"{line.at.astimezone():%H:%M:%S}  "
    return ((clock, "diff--number"), (plain(line.text), _LEVEL_STYLES[line.level]))
