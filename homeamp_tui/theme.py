"""Colours: one accent, and one colour per severity that never stands without its word."""

from __future__ import annotations

from textual.theme import Theme

from homeamp_agent.model.rule import Severity

ACCENT_DARK = "#4fc1c9"
ACCENT_LIGHT = "#0b7f88"

DARK = Theme(
    name="homeamp",
    primary=ACCENT_DARK,
    secondary=ACCENT_DARK,
    accent=ACCENT_DARK,
    foreground="#d5dce6",
    background="#10141a",
    surface="#141920",
    panel="#1b222b",
    success="#8ccf7e",
    warning="#e6b450",
    error="#f2617a",
    dark=True,
    variables={
        "muted": "#7f8b9b",
        "faint": "#465160",
        "line": "#2c3644",
        "low": "#8fb1e8",
        "cursor": "#24404a",
        "cursor-blurred": "#202833",
        "picked": "#1c2f36",
        "fresh": "#2c3a22",
        "footer-background": "#10141a",
        "block-cursor-text-style": "bold",
        "input-selection-background": "#4fc1c9 35%",
        "border": "#4fc1c9",
        "border-blurred": "#2c3644",
    },
)

LIGHT = Theme(
    name="homeamp-light",
    primary=ACCENT_LIGHT,
    secondary=ACCENT_LIGHT,
    accent=ACCENT_LIGHT,
    foreground="#1d2733",
    background="#f6f7f9",
    surface="#fcfdfd",
    panel="#edf0f3",
    success="#2f7d32",
    warning="#8a5a00",
    error="#b3213c",
    dark=False,
    variables={
        "muted": "#5d6b7a",
        "faint": "#a5b0bc",
        "line": "#ced5dd",
        "low": "#2f5ea8",
        "cursor": "#c9e7ea",
        "cursor-blurred": "#e3e8ec",
        "picked": "#def0f1",
        "fresh": "#e3f2d8",
        "footer-background": "#f6f7f9",
        "block-cursor-text-style": "bold",
        "border": "#0b7f88",
        "border-blurred": "#ced5dd",
    },
)

SEVERITY_STYLES = {
    Severity.CRITICAL: "bold $background on $error",
    Severity.HIGH: "bold $error",
    Severity.MEDIUM: "$warning",
    Severity.LOW: "$low",
    Severity.INFO: "$muted",
}
