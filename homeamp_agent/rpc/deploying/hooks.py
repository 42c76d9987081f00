"""The operator's own commands: run without a shell, in an environment of their own, and bounded."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Mapping

from homeamp_agent.model.deployment import Check, CheckOutcome, Deployment, Wave
from homeamp_agent.settings.sections import DeploymentHook

OUTPUT_BYTES = 64 * 1024
"""Of what a command prints; the rest is read and dropped, so that it never waits for us."""

EVIDENCE_CHARACTERS = 200
SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


async def run_hook(hook: DeploymentHook, deployment: Deployment, wave: Wave) -> Check:
    """Run it and wait for its end; whatever goes wrong is a failed check. It leaves no process."""
    outcome, evidence = await _run(hook, _environment(deployment, wave))
    return Check(name=f"hook:{hook.name}", outcome=outcome, evidence=evidence)


def _environment(deployment: Deployment, wave: Wave) -> Mapping[str, str]:
    return {
        "PATH": SEARCH_PATH,
        "LANG": "C.UTF-8",
        "HOMEAMP_DEPLOYMENT": deployment.id,
        "HOMEAMP_HOST": deployment.host,
        "HOMEAMP_WAVE": str(wave.number),
        "HOMEAMP_INSTANCES": " ".join(wave.instances),
    }


async def _run(hook: DeploymentHook, environment: Mapping[str, str]) -> tuple[CheckOutcome, str]:
    try:
        process = await asyncio.create_subprocess_exec(
            *hook.command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=environment,
            cwd="/",
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else "unusable"
        return CheckOutcome.FAILED, f"could not be run: {why}"
    try:
        async with asyncio.timeout(hook.timeout_s):
            last = await _last_line(process.stdout)
            code = await process.wait()
    except TimeoutError:
        return CheckOutcome.FAILED, f"not done after {hook.timeout_s:g} s"
    finally:
        # Whatever it started goes with it.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
    said = f": {last}" if last else ""
    if code == 0:
        return CheckOutcome.PASSED, f"exit code 0{said}"
    return CheckOutcome.FAILED, f"exit code {code}{said}"


async def _last_line(output: asyncio.StreamReader | None) -> str:
    """The last line that it printed, plain text."""
    kept = b""
    while output is not None and (chunk := await output.read(OUTPUT_BYTES)):
        kept = (kept + chunk)[-OUTPUT_BYTES:]
    lines = kept.decode("utf-8", "replace").split("\n")
    filled = [line for line in ("".join(filter(str.isprintable, each)).strip() for each in lines)
              if line]  # fmt: skip
    return filled[-1][:EVIDENCE_CHARACTERS] if filled else ""
