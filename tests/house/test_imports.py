"""What starts fast stays fast: heavy libraries are imported only by what needs them."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROBE = """
import sys
{statement}
print(" ".join(sorted(name for name in {names!r} if name in sys.modules)))
"""


def imported(statement: str, names: list[str]) -> list[str]:
    probe = PROBE.format(statement=statement, names=names)
    answer = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, check=True, timeout=60
    )
    return answer.stdout.split("\n")[-2].split()


def test_help_imports_no_heavy_library() -> None:
    pytest.importorskip("homeamp_agent.cli", reason="the command line is not built yet")
    statement = (
        "from homeamp_agent.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass"
    )
    assert imported(statement, ["textual", "openpyxl", "minio", "httpx", "rich"]) == []


@pytest.mark.parametrize("package", ["drift", "changes", "baselines", "rpc.server", "agent"])
def test_the_agent_never_imports_the_dashboard(package: str) -> None:
    pytest.importorskip(f"homeamp_agent.{package}", reason="not built yet")
    assert imported(f"import homeamp_agent.{package}", ["textual", "homeamp_tui"]) == []


def test_the_model_imports_nothing_but_pydantic_of_others() -> None:
    statement = "import homeamp_agent.model.deviation, homeamp_agent.model.snapshot"
    others = ["yaml", "openpyxl", "httpx", "minio", "aiosqlite", "watchfiles", "textual", "rich"]
    assert imported(statement, others) == []
