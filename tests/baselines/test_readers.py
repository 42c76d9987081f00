"""Each reader against the quirks that real baselines have."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from homeamp_agent.baselines import Baselines, check_report, has_errors, load_baselines, reload
from homeamp_agent.baselines.markdown import read_markdown
from homeamp_agent.baselines.matrix import read_matrix
from homeamp_agent.baselines.rules_file import read_rules
from homeamp_agent.baselines.source import SourceReading
from homeamp_agent.baselines.workbook import read_workbook
from homeamp_agent.model.rule import ConditionKind, ProblemSeverity, ScopeKind

SHAPE_A = (
    "# Shop - Universal Configuration\r\n"
    "\r\n"
    "These settings are **identical across all 17 paper servers** with this plugin.\r\n"
    "\r\n"
    "## General\r\n"
    "\r\n"
    "{body}\r\n"
)


def shape_a(body: str) -> SourceReading:
    text = SHAPE_A.format(body=body.replace("\n", "\r\n"))
    return read_markdown("Shop_universal_config.md", text.encode())


def shape_b(body: str) -> SourceReading:
    text = (
        "# Shop Universal Configuration\n\nGenerated from universal_configs_analysis.json\n\n"
        f"## Configuration Settings\n\n```yaml\n{body}\n```\n"
    )
    return read_markdown("Shop_universal_config.md", text.encode())


def told(reading: SourceReading) -> list[tuple[str | None, Any]]:
    return [(rule.key, rule.condition.value) for rule in reading.rules]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("-12", -12),
        ("0.5", 0.5),
        ("null", None),
        ('""', ""),
        ('"plain"', "plain"),
        (r'"\d+ raw \n"', r"\d+ raw \n"),
        ('"an "inner" quote"', 'an "inner" quote'),
        ('"#464646 # no comment"', "#464646 # no comment"),
        ("['a', {'b': [1, 2]}]", ["a", {"b": [1, 2]}]),
        ('["a", true]', ["a", True]),
        ("[]", []),
    ],
)
def test_a_value_of_shape_a_is_read_as_written(text: str, value: Any) -> None:
    reading = shape_a(f"`key` = {text}")
    assert told(reading) == [("key", value)]
    assert type(reading.rules[0].condition.value) is type(value)
    assert reading.problems == []


@pytest.mark.parametrize("key", ["a:b", "with space", "worlds.*", "levels.1", "it's", "a/b"])
def test_a_key_of_shape_a_may_hold_anything(key: str) -> None:
    assert told(shape_a(f"`{key}` = 1")) == [(key, 1)]


def test_a_value_may_span_two_lines_and_the_next_key_is_still_read() -> None:
    reading = shape_a('`motd` = "first\nsecond"\n\n`next` = 1')
    assert told(reading) == [("motd", "first\nsecond"), ("next", 1)]
    assert [rule.source.line for rule in reading.rules] == [7, 10]


def test_an_unterminated_string_is_kept_and_told_with_its_line() -> None:
    reading = shape_a('`broken` = "no end\n\n`next` = 1')
    assert told(reading) == [("broken", "no end"), ("next", 1)]
    assert [(str(each.source), each.severity) for each in reading.problems] == [
        ("Shop_universal_config.md:7", ProblemSeverity.WARNING)
    ]


def test_a_duplicate_with_another_value_is_an_error_and_the_first_counts() -> None:
    reading = shape_a("`key` = 1\n\n`key` = 2")
    assert told(reading) == [("key", 1)]
    assert reading.problems[0].severity is ProblemSeverity.ERROR


def test_the_section_is_never_a_prefix_and_the_plugin_is_the_file_s_name() -> None:
    rule = shape_a("`spawn.enabled` = true").rules[0]
    assert (rule.plugin, rule.file, rule.key) == ("Shop", None, "spawn.enabled")
    assert rule.scope.kind is ScopeKind.GLOBAL


def test_shape_b1_is_a_file_and_its_settings() -> None:
    reading = shape_b(
        "config: {'a.b': 1, 'c': {'d': True}, 'e': []}\n"
        "addons/AOneBlock/phases/11500_the end: {'x': None}"
    )
    assert [(rule.file, rule.key, rule.condition.value) for rule in reading.rules] == [
        ("config.*", "a.b", 1),
        ("config.*", "c.d", True),
        ("config.*", "e", []),
        ("addons/AOneBlock/phases/11500_the end.*", "x", None),
    ]
    assert reading.counts["lines"] == 2


def test_shape_b2_is_split_at_the_first_dot_and_read_as_python_text() -> None:
    reading = shape_b(
        "config.color: #464646\nconfig.a.b: True\nconfig.c: &eAngel wings\n"
        "config.pad:  two spaces \nconfig.none: None\nconfig.empty: \nconfig.list: ['x', 1]\n"
        "config.zip: 007\nconfig.map: {}"
    )
    assert [(rule.file, rule.key, rule.condition.value) for rule in reading.rules] == [
        ("config.*", "color", "#464646"),
        ("config.*", "a.b", True),
        ("config.*", "c", "&eAngel wings"),
        ("config.*", "pad", " two spaces "),
        ("config.*", "none", None),
        ("config.*", "empty", ""),
        ("config.*", "list", ["x", 1]),
        ("config.*", "zip", "007"),
        ("config.*", "map", {}),
    ]


def workbook(rows: list[list[Any]], wide: dict[str, list[list[Any]]]) -> SourceReading:
    book = openpyxl.Workbook()
    sheet: Any = book.active
    sheet.title = "All_Variable_Configs"
    for row in [["Plugin", "ConfigKey", "Server", "Value", "ValueType"], *rows]:
        sheet.append(row)
    for title, table in wide.items():
        extra: Any = book.create_sheet(title)
        for row in table:
            extra.append(row)
    stream = io.BytesIO()
    book.save(stream)
    return read_workbook("Master_Variable_Configurations.xlsx", stream.getvalue())


def test_the_long_sheet_gives_typed_values_at_instance_scope() -> None:
    reading = workbook(
        [
            ["Shop", "port", "DEV01", "25566", "int"],
            ["Shop", "on", "DEV01", "False", "bool"],
            ["Shop", "list", "DEV01", "['a']", "list"],
            ["Shop", "blank", "DEV01", None, "str"],
        ],
        {},
    )
    assert told(reading) == [("port", 25566), ("on", False), ("list", ["a"]), ("blank", "")]
    rule = reading.rules[0]
    assert (rule.scope.kind, rule.scope.target) == (ScopeKind.INSTANCE, "DEV01")
    assert str(rule.source) == "Master_Variable_Configurations.xlsx!All_Variable_Configs!D2"


def test_a_blank_of_a_wide_sheet_without_a_long_row_means_absent() -> None:
    reading = workbook(
        [["Shop", "blank", "DEV01", None, "str"], ["Shop", "blank", "B01", "x", "str"]],
        {"Shop_Variables": [["ConfigKey", "DEV01", "B01", "C01"], ["blank", None, "x", None]]},
    )
    assert reading.counts == {"rows": 2, "absent": 1}
    absent = [rule for rule in reading.rules if rule.condition.kind is ConditionKind.ABSENT]
    assert [(rule.key, rule.scope.target) for rule in absent] == [("blank", "C01")]


def test_one_odd_type_among_the_instances_is_told() -> None:
    reading = workbook(
        [
            ["Shop", "max", "A01", "250", "int"],
            ["Shop", "max", "B01", "250quests_", "str"],
            ["Shop", "max", "C01", "250", "int"],
        ],
        {},
    )
    assert [str(each.source).split("!")[-1] for each in reading.problems] == ["D3"]


def test_a_matrix_reports_duplicates_and_junk_and_reads_quoted_commas() -> None:
    text = (
        "plugin_name,plugin_type,auto_update,update_source,server_DEV01\n"
        'Vault,bukkit/paper,True,modrinth,False\n"One, Two",bukkit/paper,False,manual,False\n'
        "plugin_name,plugin_type,auto_update,update_source,server_DEV01\n"
        "https://example.com/x,,,,\nVault,bukkit/paper,False,spigot,False\n"
    )
    reading = read_matrix("deployment_matrix.csv", text.encode())
    rows = reading.declarations["matrix"]
    assert [(row.plugin, row.update_source) for row in rows] == [
        ("Vault", "modrinth"),
        ("One, Two", "manual"),
    ]
    assert reading.counts == {"rows": 5, "junk": 2, "duplicates": 1}
    assert [each.source.line for each in reading.problems] == [4, 5, 6]
    assert reading.rules == []


def test_a_bad_rule_names_its_line_and_loses_no_other() -> None:
    reading = read_rules(
        "rules.yaml",
        b"version: 1\nrules:\n"
        b"  - {plugin: A, key: x, value: 1}\n"
        b"  - {plugin: A, key: x, valeu: 1}\n"
        b"  - {plugin: A, key: y, value: 1, unique: true}\n"
        b"  - plugin: A\n    key: z\n    matches: '('\n"
        b"  - {plugin: A, key: n, value: null, scope: {instance: DEV01}}\n",
    )
    assert [rule.key for rule in reading.rules] == ["x", "n"]
    assert {each.source.line for each in reading.problems} == {4, 5, 6}


@pytest.mark.parametrize("data", [b"", b"\x00\xff\x00", b"[", b"- a\n- b\n", b"a: &a [*a]\n"])
def test_no_bytes_make_a_reader_raise(tmp_path: Path, data: bytes) -> None:
    for name in (
        "A_universal_config.md",
        "Master_Variable_Configurations.xlsx",
        "deployment_matrix.csv",
        "deployment_matrix.xlsx",
        "rules.yaml",
        "approved.yaml",
        "universal_configs.json",
    ):
        (tmp_path / name).write_bytes(data)
    assert isinstance(load_baselines(tmp_path), Baselines)


def test_a_missing_directory_is_one_error(tmp_path: Path) -> None:
    baselines = load_baselines(tmp_path / "nowhere")
    assert has_errors(baselines)
    assert len(baselines.problems) == 1


def test_a_file_that_breaks_keeps_its_last_good_version_and_says_so(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text("rules:\n  - {plugin: A, key: x, value: 1}\n")
    (tmp_path / "B_universal_config.md").write_text("`k` = 1\n")
    good = load_baselines(tmp_path)
    rules.write_text("rules: [\n")
    (tmp_path / "B_universal_config.md").write_text("`k` = 2\n")
    after = reload(good, tmp_path)
    assert {(rule.plugin, rule.condition.value) for rule in after.rules} == {("A", 1), ("B", 2)}
    assert [source.file for source in after.sources if source.stale] == ["rules.yaml"]
    assert has_errors(after)
    rules.write_text("rules:\n  - {plugin: A, key: x, value: 3}\n")
    mended = reload(after, tmp_path)
    assert not has_errors(mended)
    assert {rule.condition.value for rule in mended.rules} == {2, 3}


def test_the_report_counts_inner_settings_and_lines_of_b1(tmp_path: Path) -> None:
    (tmp_path / "B_universal_config.md").write_text("```yaml\nconfig: {'a': 1, 'b': 2}\n```\n")
    report = check_report(load_baselines(tmp_path))
    assert report["sources"] == [
        {
            "file": "B_universal_config.md",
            "form": "markdown-b",
            "rules": 2,
            "problems": 0,
            "lines": 1,
        }
    ]
    assert report["rules"] == 2
