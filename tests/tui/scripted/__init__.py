"""A stand-in for an agent: the real server on a real socket, with answers from a script.

What was asked is counted, so that a test can say how much of it a screen needed. One module a noun;
each has the `METHODS` that answer for it.
"""

from tests.tui.scripted.agent import ScriptedAgent
from tests.tui.scripted.games import running_games
from tests.tui.scripted.rows import INSTANCES, believable, deviation, setting_changes
from tests.tui.scripted.script import Script

__all__ = [
    "INSTANCES", "Script", "ScriptedAgent", "believable", "deviation", "running_games",
    "setting_changes",
]  # fmt: skip
