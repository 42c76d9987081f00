"""Which screens there are: the key, the name and the word of each, in the order of the tabs."""

from __future__ import annotations

from typing import NamedTuple


class Tab(NamedTuple):
    """One screen of the dashboard."""

    key: str
    name: str
    words: str


TABS = (
    Tab("1", "overview", "Overview"),
    Tab("2", "deviations", "Deviations"),
    Tab("3", "changes", "Changes"),
    Tab("4", "instances", "Instances"),
    Tab("5", "matrix", "Matrix"),
    Tab("6", "deployments", "Deployments"),
    Tab("7", "rules", "Rules"),
)
"""A new screen: a line here, and one in `HomeampApp.MODES`."""


def screens_help() -> str:
    """What the help says of the ways between screens."""
    return "Screens    " + "   ".join(f"{tab.key} {tab.words.lower()}" for tab in TABS) + "\n"
