"""A baseline directory of the size and shapes of a real operator's: counted and read to the letter.

The numbers are those of the facts on the data formats; the values are made up, with every quirk
that was measured there.
"""

from __future__ import annotations

import csv
import io
import random
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from homeamp_agent.baselines import Baselines, check_report, load_baselines
from homeamp_agent.baselines.workbook import sheet_of
from homeamp_agent.model.rule import ConditionKind

FILES_A, KEYS_A = 57, 4_024
FILES_B1, LINES_B1, KEYS_B1 = 17, 291, 22_603
FILES_B2, LINES_B2 = 8, 1_798
ROWS_LONG, PLUGINS_LONG, INSTANCES_LONG, ABSENT = 950, 18, 17, 15
ROWS_MATRIX = 136

VALUES_A: tuple[tuple[str, Any], ...] = (
    ("true", True),
    ("false", False),
    ("-7", -7),
    ("0.25", 0.25),
    ("null", None),
    ('""', ""),
    ('"&7[&aShop&7] # no comment"', "&7[&aShop&7] # no comment"),
    (r'"^\d+\.\w \n"', r"^\d+\.\w \n"),
    ('"say "hi" to {{name}} of ${project.version}"', 'say "hi" to {{name}} of ${project.version}'),
    ("[]", []),
    (
        "['a', {'b': [1, [2, 3]]}, '#fff', True, None]",
        ["a", {"b": [1, [2, 3]]}, "#fff", True, None],
    ),
    ('["json", true, null]', ["json", True, None]),
)
SUFFIXES_A = ("", ".a:b", ".with space", ".worlds.*", ".1.2", ".it's", ".x/y")
VALUES_B2: tuple[tuple[str, Any], ...] = (
    ("#464646", "#464646"),
    ("&eAngel wings", "&eAngel wings"),
    (" two spaces ", " two spaces "),
    ("True", True),
    ("false", False),
    ("None", None),
    ("", ""),
    ("['x', 1]", ["x", 1]),
    ("007", "007"),
    ("12", 12),
    ("0.5", 0.5),
    ("{player} joined: hi", "{player} joined: hi"),
)
Said = dict[tuple[str | None, str | None, str | None], Any]


def parts(total: int, count: int) -> list[int]:
    """`total` in `count` parts of about the same size."""
    return [total // count + (number < total % count) for number in range(count)]


def write_shape_a(folder: Path, pick: random.Random) -> Said:
    said: Said = {}
    for number, keys in enumerate(parts(KEYS_A, FILES_A)):
        plugin = f"Flat{number:02}"
        lines = [f"# {plugin} - Universal Configuration", ""]
        lines += ["These settings are **identical across all 17 paper servers**.", ""]
        for at in range(keys):
            if at % 20 == 0:
                lines += [f"## Section{at}", ""]
            key = f"section{at % 7}.key{at}{pick.choice(SUFFIXES_A)}"
            text, value = pick.choice(VALUES_A)
            if number == 0 and at == 3:
                text, value = '"over two\r\nlines"', "over two\nlines"
            lines += [f"`{key}` = {text}", ""]
            said[plugin, None, key] = value
        (folder / f"{plugin}_universal_config.md").write_bytes("\r\n".join(lines).encode())
    return said


def write_fence(folder: Path, plugin: str, lines: list[str]) -> None:
    above = [f"# {plugin} Universal Configuration", ""]
    above += ["Generated from universal_configs_analysis.json", "", "## Configuration Settings", ""]
    text = "\r\n".join([*above, "```yaml", *lines, "```", ""])
    (folder / f"{plugin}_universal_config.md").write_bytes(text.encode())


def write_shape_b1(folder: Path, pick: random.Random) -> Said:
    said: Said = {}
    sizes = parts(KEYS_B1, LINES_B1)
    for number, lines in enumerate(parts(LINES_B1, FILES_B1)):
        plugin, written = f"Tree{number:02}", []
        for at in range(lines):
            file = f"addons/A/phases/{at}_the end" if at else "config"
            inner = {
                key: pick.choice([1, 0.5, True, None, "", "it's &a", ["x", {"y": []}]])
                for each in range(sizes.pop())
                for key in [f"level{each % 9}.key{each}" if each % 9 else f"key{each}"]
            }
            written.append(f"{file}: {inner!r}")
            said |= {(plugin, f"{file}.*", key): value for key, value in inner.items()}
        write_fence(folder, plugin, written)
    return said


def write_shape_b2(folder: Path, pick: random.Random) -> Said:
    said: Said = {}
    for number, keys in enumerate(parts(LINES_B2, FILES_B2)):
        plugin, written = f"Lines{number}", []
        for at in range(keys):
            text, value = pick.choice(VALUES_B2)
            written.append(f"config.section{at % 5}.key{at}: {text}")
            said[plugin, "config.*", f"section{at % 5}.key{at}"] = value
        write_fence(folder, plugin, written)
    return said


def write_workbook(folder: Path, pick: random.Random) -> dict[tuple[str, str, str], Any]:
    """950 rows, and on the wide sheets 15 cells that nothing on the long sheet speaks of."""
    instances = [f"SMP{number:02}" for number in range(INSTANCES_LONG)]
    keys = [(f"Flat{at % PLUGINS_LONG:02}", f"own.key{at}") for at in range(75)]
    every = [(*key, instance) for key in keys for instance in instances]
    absent = set(pick.sample(every, ABSENT))
    rows = pick.sample([each for each in every if each not in absent], ROWS_LONG)
    kinds: list[tuple[str | None, str, Any]] = [
        ("25566", "int", 25566),
        ("False", "bool", False),
        ("['a', 1]", "list", ["a", 1]),
    ]
    kinds += [("0.5", "float", 0.5), ("plain", "str", "plain"), (None, "str", "")]
    of_key = {key: pick.choice(kinds) for key in keys}
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    sheet = book.create_sheet("All_Variable_Configs")
    sheet.append(["Plugin", "ConfigKey", "Server", "Value", "ValueType"])
    for row in rows:
        text, kind, _ = of_key[row[:2]]
        sheet.append([*row, text, kind])
    book.create_sheet("Plugin_Summary").append(["Plugin", "Rows"])
    for plugin in sorted({plugin for plugin, _ in keys}):
        wide = book.create_sheet(sheet_of(plugin))
        wide.append(["ConfigKey", *instances])
        for key in (each for each in keys if each[0] == plugin):
            there = [(*key, each) in rows for each in instances]
            # A cell that neither sheet has anything for would be one more absent key.
            cells = [
                of_key[key][0] if has else None if (*key, each) in absent else "unsaid"
                for has, each in zip(there, instances, strict=True)
            ]
            wide.append([key[1], *cells])
    book.save(folder / "Master_Variable_Configurations.xlsx")
    return {row: of_key[row[:2]][2] for row in rows}


def write_matrix(folder: Path) -> None:
    """136 rows: one quoted name with a comma, two duplicates at odds, three rows of junk."""
    heading = ["plugin_name", "plugin_type", "auto_update", "update_source"]
    heading += [f"server_SMP{number:02}" for number in range(INSTANCES_LONG)]
    cells = ["bukkit/paper", "False", "manual", *["False"] * INSTANCES_LONG]
    rows = [[f"Flat{number:02}", *cells] for number in range(130)]
    rows.insert(7, ["Two, Names", *cells])
    rows += [["Flat03", "bukkit/paper", "True", *cells[2:]], ["Flat04", *cells[:-1], "True"]]
    rows += [heading, ["https://example.net/x", *[""] * 20], ["", *cells]]
    stream = io.StringIO(newline="")
    csv.writer(stream).writerows([heading, *rows])
    (folder / "deployment_matrix.csv").write_text(stream.getvalue(), "utf-8", newline="")


@pytest.fixture(scope="module")
def said_and_read(tmp_path_factory: pytest.TempPathFactory) -> tuple[Said, Any, Baselines]:
    folder = tmp_path_factory.mktemp("baselines")
    pick = random.Random(4)  # noqa: S311 - the same baselines every time
    said = write_shape_a(folder, pick) | write_shape_b1(folder, pick) | write_shape_b2(folder, pick)
    cells = write_workbook(folder, pick)
    write_matrix(folder)
    return said, cells, load_baselines(folder)


def test_every_line_row_and_cell_is_counted(said_and_read: tuple[Said, Any, Baselines]) -> None:
    sources = {each["file"]: each for each in check_report(said_and_read[2])["sources"]}
    rules: dict[str, int] = {}
    for name, source in sources.items():
        kind = name[:4] if source["form"].startswith("markdown") else source["form"]
        rules[kind] = rules.get(kind, 0) + source["rules"]
    assert rules == {
        "Flat": KEYS_A,
        "Tree": KEYS_B1,
        "Line": LINES_B2,
        "workbook": ROWS_LONG,
        "matrix": ROWS_MATRIX,
    }
    assert sum(each.get("lines", 0) for name, each in sources.items() if "Tree" in name) == LINES_B1
    assert sources["Master_Variable_Configurations.xlsx"]["absent"] == ABSENT
    matrix = next(each for each in said_and_read[2].sources if each.form == "matrix")
    assert matrix.counts == {"rows": ROWS_MATRIX, "duplicates": 2, "junk": 3}


def test_every_value_is_read_as_it_was_meant(said_and_read: tuple[Said, Any, Baselines]) -> None:
    said, cells, read = said_and_read
    found = {
        (rule.plugin, rule.file, rule.key): rule.condition.value
        for rule in read.rules
        if rule.source.file.endswith(".md")
    }
    assert found == said
    assert {key: type(value) for key, value in found.items()} == {
        key: type(value) for key, value in said.items()
    }
    of_workbook = [rule for rule in read.rules if rule.source.cell]
    values = {
        (str(rule.plugin), str(rule.key), str(rule.scope.target)): rule.condition.value
        for rule in of_workbook
        if rule.condition.kind is ConditionKind.EQUALS
    }
    assert values == cells
    assert len(of_workbook) - len(values) == ABSENT


def test_only_what_is_wrong_is_told(said_and_read: tuple[Said, Any, Baselines]) -> None:
    told = [
        str(each)
        for each in said_and_read[2].problems
        if each.severity != "info" and "cells of Flat" not in each.message
    ]
    assert [each.partition(" warning: ")[2] for each in told] == [
        "Flat03 stands here again with another auto_update; line 5 counts",
        "Flat04 stands here again with another instances; line 6 counts",
        "the heading again; not read",
        "no plugin in this row (https://example.net/x); not read",
        "no plugin in this row (blank); not read",
    ]
