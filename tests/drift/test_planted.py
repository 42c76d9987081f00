"""Every deviation planted in the fixtures is found with its kind, and nothing else is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from homeamp_agent.drift import CheckReport, check
from homeamp_tui.demo_fleet import fixtures_folder, materialise

HOSTS = ("alder", "birch")


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("demo") / "root"
    materialise(fixtures_folder(), root)
    return root


@pytest.fixture(scope="module")
def reports(demo: Path) -> dict[str, CheckReport]:
    return {
        host: check(
            host=host,
            instances=demo / "fleet" / host / "instances",
            baselines=demo / "baselines",
            masker_key=bytes(32),
        )
        for host in HOSTS
    }


def planted(root: Path, host: str) -> list[dict[str, Any]]:
    table = json.loads((root / "planted.json").read_text("utf-8"))["planted"]
    return [row for row in table if row["host"] == host]


def place(row: dict[str, Any]) -> tuple[str, ...]:
    return tuple(str(row[name]) for name in ("instance", "plugin", "file", "key", "kind"))


def found(report: CheckReport) -> dict[tuple[str, ...], dict[str, Any]]:
    rows = [each.model_dump(mode="json") for each in report.deviations]
    return {place(row): row for row in rows}


@pytest.mark.parametrize("host", HOSTS)
def test_all_that_is_planted_is_found_and_nothing_else(
    demo: Path, reports: dict[str, CheckReport], host: str
) -> None:
    rows = found(reports[host])
    assert len(rows) == len(reports[host].deviations)
    assert sorted(rows) == sorted(map(place, planted(demo, host)))


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("fact", ["path", "expected", "actual", "line", "pattern", "severity"])
def test_each_is_told_with_its_facts(
    demo: Path, reports: dict[str, CheckReport], host: str, fact: str
) -> None:
    rows = found(reports[host])
    wrong = []
    for row in planted(demo, host):
        said = rows[place(row)][fact]
        if fact == "pattern":
            said = said and said["name"]
        wanted = row[fact]
        unmasked = not (isinstance(wanted, dict) and wanted.get("masked") == "*")
        if fact == "severity" and wanted is None:
            continue
        if fact == "line" and row["kind"] == "unreadable":
            continue  # the table does not foresee where a parser stumbles
        if unmasked and said != wanted:
            wrong.append((place(row), wanted, said))
        assert unmasked or set(said) == {"masked"}
    assert wrong == []


def test_the_approved_difference_is_no_open_deviation(reports: dict[str, CheckReport]) -> None:
    assert reports["alder"].approved == 1
    assert [each for each in reports["alder"].deviations if each.key == "limits.max-radius"] == []
    assert [report.problems for report in reports.values()] == [(), ()]


def test_no_planted_secret_is_in_a_report(demo: Path, reports: dict[str, CheckReport]) -> None:
    secrets = json.loads((demo / "secrets.json").read_text("utf-8"))["secrets"]
    told = "\n".join(report.model_dump_json() for report in reports.values())
    assert [each["name"] for each in secrets if each["value"] in told] == []


def test_the_ten_that_an_operator_wants_first_stand_first(reports: dict[str, CheckReport]) -> None:
    table = (fixtures_folder() / "FIRST_TEN.md").read_text("utf-8")
    cells = [line.strip("| ").split(" | ") for line in table.splitlines() if line[:2] == "| "][1:]
    wanted = [(host, instance, place) for _, host, instance, place, _ in cells]
    # The dashboard has each severity host by host.
    ranked = sorted(
        (row for host in HOSTS for row in reports[host].deviations),
        key=lambda row: row.severity.rank,
    )
    first = [
        (row.host, row.instance, " ".join(f"`{part}`" for part in (row.file, row.key) if part))
        if row.file
        else (row.host, row.instance, f"`{row.plugin}`")
        for row in ranked[:10]
    ]
    assert first == wanted
