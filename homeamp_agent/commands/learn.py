"""`homeamp-agent baselines learn`: a first rules.yaml from the instances as they stand."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from homeamp_agent.baselines.rules_text import rules_text
from homeamp_agent.commands.ends import OK
from homeamp_agent.commands.output import write_new
from homeamp_agent.drift.check import MASKING_KEY_BYTES
from homeamp_agent.drift.engine import Engine
from homeamp_agent.drift.learning import learn
from homeamp_agent.settings import Settings

HEADER = (
    "Proposed by `homeamp-agent baselines learn` from the instances as they stood: what most of",
    "them have, and who differs. Read it; what differs by mistake is a rule to delete.",
)


def run_learn(settings: Settings, out: Path | None) -> int:
    """Scan, write the proposal to `out` (new; None: stdout), tell on stderr what it holds."""
    # The key lives as long as the run: no fingerprint is written anywhere.
    key = os.urandom(MASKING_KEY_BYTES)
    with tempfile.TemporaryDirectory() as nothing:
        engine = Engine(
            settings.host, settings.instances, Path(nothing), key, workers=settings.scan.workers
        )
        engine.load()
        engine.scan()
        snapshots = [engine.snapshots[name] for name in sorted(engine.snapshots)]
        proposal = learn(snapshots, engine.baselines.knowledge)
    text = rules_text(proposal.entries, HEADER)
    if out is None:
        sys.stdout.write(text)
    else:
        write_new(out, text.encode("utf-8"), instances=settings.instances)
    for line in (*proposal.report(), *engine.all_problems):
        sys.stderr.write(f"homeamp-agent: {line}\n")
    return OK
