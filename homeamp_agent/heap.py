"""How often Python looks for garbage: less often than by default, since nearly all of ours stays.

Models, rules and the settings of thousands of files live as long as the program. The default looks
through a growing part of them after every 700 new objects: a fifth of the start of the agent, and
of what the dashboard computes. At the end it looks through all of them twice, a sixth of what a
short command costs, before the system takes back the memory anyway.
"""

from __future__ import annotations

import atexit
import gc

YOUNG_OBJECTS = 50_000
"""So many new containers before a look; a few MB that cycles may hold meanwhile."""
MIDDLE, OLD = 20, 20


def look_less_often() -> None:
    """Set it for this process; what stands already is not looked at again."""
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, MIDDLE, OLD)
    atexit.unregister(gc.freeze)
    atexit.register(gc.freeze)
