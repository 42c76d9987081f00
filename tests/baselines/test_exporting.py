"""Exports say what the baseline says, or tell what they have no place for."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from homeamp_agent.baselines import Baselines, load_baselines
from homeamp_agent.baselines.exporting import FORMS, Export, export_rules
from homeamp_agent.model.rule import Condition, ConditionKind, Rule, RuleSource, Scope, ScopeKind
from tests.in_process import Ran, command

ROOT = Path(__file__).resolve().parents[2]
FIXTURES = ROOT / "fixtures/baselines"


def baselines_of(*rules: Rule) -> Baselines:
    ordered = tuple(rule.model_copy(update={"order": at}) for at, rule in enumerate(rules))
    return Baselines("", rules=ordered)


def rule(key: str, value: Any = None, instance: str | None = None, **more: Any) -> Rule:
    scope = Scope(kind=ScopeKind.INSTANCE, target=instance) if instance else Scope()
    facts = {"plugin": "Shop", "condition": Condition(value=value), **more}
    return Rule(id=key, key=key, scope=scope, source=RuleSource(file="x", line=1), **facts)


def written(made: Export, folder: Path) -> Baselines:
    for name, data in made.files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(data)
    return load_baselines(folder)


def said(rules: Iterable[Rule]) -> set[tuple[Any, ...]]:
    return {
        (str(each.scope), each.platform, each.plugin, each.file, each.key, each.path,
         each.condition.model_copy(update={"typed": True}).model_dump_json(), each.complete,
         each.severity, each.reason, each.owner, each.expires)
        for each in rules
    }  # fmt: skip


def test_rules_yaml_says_all_that_the_fixtures_say_but_secrets(tmp_path: Path) -> None:
    loaded = load_baselines(FIXTURES)
    made = export_rules(loaded, "yaml")
    back = written(made, tmp_path)
    assert not [problem for problem in back.problems if problem.severity == "error"]
    missing = said(loaded.rules) - said(back.rules)
    assert said(back.rules) <= said(loaded.rules)
    assert len(missing) == len(made.left_out)
    assert {why for _, why in made.left_out} == {"holds a secret"}
    assert back.declared.tags == loaded.declared.tags
    assert back.declared.tag_order == loaded.declared.tag_order
    assert back.declared.aliases == loaded.declared.aliases
    assert back.declared.instances == loaded.declared.instances


def test_the_workbook_of_the_fixtures_comes_back_as_it_is(tmp_path: Path) -> None:
    loaded = load_baselines(FIXTURES)
    source = "Master_Variable_Configurations.xlsx"
    wanted = [each for each in loaded.rules if each.source.file == source]
    back = written(export_rules(loaded, "xlsx"), tmp_path)
    [mixed] = [problem.message for problem in back.problems]
    assert mixed.startswith("Essentials starting-balance has values of several types")
    assert said(wanted) <= said(back.rules)
    kinds = {each.condition.kind for each in back.rules}
    assert kinds == {ConditionKind.EQUALS, ConditionKind.ABSENT}


def test_markdown_of_shape_a_comes_back_key_for_key(tmp_path: Path) -> None:
    loaded = load_baselines(FIXTURES)
    back = written(export_rules(loaded, "markdown"), tmp_path)
    assert not [problem for problem in back.problems if problem.severity != "info"]
    found = {(each.plugin, each.platform, each.key): each.condition.value for each in back.rules}
    beaten = {
        (each.plugin, each.platform, each.key) for each in loaded.rules
        if each.source.file == "rules.yaml" and each.scope.target is None
    }  # fmt: skip
    of_shape_a = {
        (each.plugin, each.platform, each.key): each.condition.value for each in loaded.rules
        if each.source.file.endswith(".md") and each.file is None
    }  # fmt: skip
    same = of_shape_a.keys() & found.keys() - beaten
    assert {place: found[place] for place in same} == {place: of_shape_a[place] for place in same}
    assert len(same) > 200
    assert {key for *_, key in of_shape_a.keys() - found.keys() - beaten} == {
        "Experiment_WebhookChatMessageFormat", "MinecraftPlayerJoinMessage.Webhook.AvatarUrl",
    }  # fmt: skip


@pytest.mark.parametrize(
    "value",
    [
        True, 0, -3, 0.5, 1e300, None, "", "text", 'an "inner" quote', "#464646", r"\d+", "true",
        "10", "[a]", "{b", " space ", "two\nlines", [], ["a", {"b": [1, None]}], "=1+1", "\u2028",
        "{{HOST}}",
    ],
)  # fmt: skip
@pytest.mark.parametrize("form", FORMS)
def test_a_value_comes_back_with_its_type_or_is_told(form: str, value: Any, tmp_path: Path) -> None:
    instance = "HUB01" if form == "xlsx" else None
    made = export_rules(baselines_of(rule("a.b", value, instance)), form)
    back = written(made, tmp_path)
    if made.left_out:
        assert made.left_out[0][1] == "does not read back as it is"
        assert not back.rules
        return
    [found] = back.rules
    assert (type(found.condition.value), found.condition.value) == (type(value), value)


def test_of_the_values_above_no_form_gives_up_a_common_one() -> None:
    common = [True, 0, 0.5, None, "", "text", r"\d+", "10", [], ["a", 1], "=1+1"]
    for form in FORMS:
        instance = "HUB01" if form == "xlsx" else None
        rules = [rule(f"key-{at}", value, instance) for at, value in enumerate(common)]
        assert export_rules(baselines_of(*rules), form).left_out == []


def test_a_secret_stands_in_no_export(tmp_path: Path) -> None:
    hidden = (
        rule("database.password", "hunter2"),
        rule("url", "mysql://me:hunter2@host/db"),
        rule("database.password", "hunter2", "HUB01"),
        rule("list", ["fine", {"token": "hunter2"}]),
        rule("one", condition=Condition(kind=ConditionKind.ONE_OF, values=({"token": "hunter2"},))),
    )
    for form in FORMS:
        made = export_rules(baselines_of(*hidden, rule("a", 1)), form)
        assert all(b"hunter2" not in data for data in made.files.values())
        assert "holds a secret" in "\n".join(made.report())
        assert "hunter2" not in "\n".join(made.report())


def test_what_a_form_has_no_place_for_is_told_with_its_source(tmp_path: Path) -> None:
    rules = baselines_of(
        rule("a", 1, reason="agreed"),
        rule("b", condition=Condition(kind=ConditionKind.UNIQUE)),
        rule("c", 1, file="lang.yml"),
        rule("d", 1),
        rule("e", 1, "HUB01"),
    )
    made = export_rules(rules, "markdown")
    assert [why for _, why in made.left_out] == [
        "also says reason", "is no plain value: unique", "names a file other than config.yml",
    ]  # fmt: skip
    assert (made.rules, made.of_other_scopes) == (1, 1)
    assert "x:1: Shop a: left out: also says reason" in made.report()


def test_a_blank_cell_is_written_only_where_the_key_is_absent(tmp_path: Path) -> None:
    absent = Condition(kind=ConditionKind.ABSENT)
    rules = baselines_of(
        rule("port", 1, "HUB01"),
        rule("port", condition=absent, instance="SKY01"),
        rule("name", "hub", "HUB01"),
    )
    made = export_rules(rules, "xlsx")
    back = written(made, tmp_path)
    assert said(back.rules) == said(rules.rules)


def test_no_text_of_a_workbook_is_a_formula(tmp_path: Path) -> None:
    made = export_rules(baselines_of(rule("=cmd|'/c calc'!A0", "=1+1", "HUB01")), "xlsx")
    [data] = made.files.values()
    file = tmp_path / "book.xlsx"
    file.write_bytes(data)
    for sheet in openpyxl.load_workbook(file).worksheets:
        assert all(cell.data_type != "f" for row in sheet.iter_rows() for cell in row)


def export(*arguments: str | Path) -> Ran:
    return command("rules", "export", *arguments)


def test_the_command_writes_a_new_folder_and_overwrites_nothing(tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = export(FIXTURES, "--form", "xlsx", "--out", out)
    assert done.returncode == 1
    assert [file.name for file in out.iterdir()] == ["Master_Variable_Configurations.xlsx"]
    assert "rules.yaml:80: bukkit.yml spawn-limits.monsters: left out: is of no plugin" in (
        done.stderr
    )
    again = export(FIXTURES, "--form", "yaml", "--out", out)
    assert again.returncode == 2
    assert "holds files already" in again.stderr
    assert len(list(out.iterdir())) == 1


def test_the_command_ends_with_0_where_nothing_is_left_out(tmp_path: Path) -> None:
    baselines = tmp_path / "baselines"
    baselines.mkdir()
    (baselines / "Shop_universal_config.md").write_text("# Shop\n\n`a` = 1\n")
    done = export(baselines, "--form", "yaml", "--out", tmp_path / "out")
    assert (done.returncode, done.stderr) == (
        0, "homeamp-agent: 1 rules in 1 file, 0 left out\n",
    )  # fmt: skip


def test_of_two_rules_for_a_setting_the_one_that_wins_is_written(tmp_path: Path) -> None:
    made = export_rules(baselines_of(rule("a", 1), rule("a", 2)), "markdown")
    [found] = written(made, tmp_path).rules
    assert found.condition.value == 2
    assert [why for _, why in made.left_out] == ["another rule for the same setting wins"]


def test_an_export_does_not_go_into_the_baseline_it_is_made_of(tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text("version: 1\n")
    done = export(tmp_path, "--form", "yaml", "--out", tmp_path / "out")
    assert done.returncode == 2
    assert "every rule would count twice" in done.stderr
