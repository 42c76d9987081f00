"""What is known of plugins: ours is whole, an operator's own counts over it, a bad one says why."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from homeamp_agent.baselines import has_errors, load_baselines, load_knowledge
from homeamp_agent.baselines.knowledge import FOLDER
from homeamp_agent.baselines.selectors import glob, glob_problem


def test_the_forty_most_common_plugins_are_known() -> None:
    known = load_knowledge()
    assert known.problems == ()
    assert len(known.plugins) >= 40
    assert len(known.plugins) == len(list(FOLDER.glob("*.yaml"))), "no plugin has two files"
    for each in known.plugins.values():
        assert each.source.startswith("https://"), f"nobody can look {each.name} up"


def test_an_operator_s_own_file_replaces_ours_and_adds_others(tmp_path: Path) -> None:
    folder = tmp_path / "knowledge"
    folder.mkdir()
    (folder / "mine.yaml").write_text("name: luckperms\nidentity: ['^server$']\n", "utf-8")
    (folder / "other.yaml").write_text("name: HomeMade\nsecret: ['^pin$']\ncore: true\n", "utf-8")
    loaded = load_baselines(tmp_path)
    assert not has_errors(loaded)
    assert loaded.knowledge.of("LuckPerms").identity == ("^server$",)
    assert not loaded.knowledge.of("LuckPerms").core
    assert loaded.knowledge.of("homemade").core
    assert loaded.secret_policy.secret(("pin",), "1234", "HomeMade")
    assert loaded.knowledge.of("Essentials").core, "the rest of ours still counts"


def test_the_example_in_the_docs_is_one_and_names_every_field(tmp_path: Path) -> None:
    docs = Path(__file__).parents[2] / "docs" / "baselines.md"
    text = docs.read_text("utf-8").partition("## What is known of plugins")[2]
    folder = tmp_path / "knowledge"
    folder.mkdir()
    example = text.partition("```yaml\n")[2].partition("```")[0]
    (folder / "shop.yaml").write_text(example, "utf-8")
    loaded = load_baselines(tmp_path)
    assert loaded.problems == ()
    known = loaded.knowledge.of("shop")
    assert known.model_fields_set == set(type(known).model_fields)
    assert loaded.secret_policy.secret(("license",), "x", "Shop")


RULES = """\
version: 1
secrets:
  Shop:
    - ^pin$
    - (?=pin)
rules:
  - {plugin: Shop, key: a, matches: "(?<=a)b"}
  - {plugin: Shop, key: "**.[z-a]", value: 1}
  - {plugin: Shop, key: good, matches: "[a-z]+"}
"""


def test_a_pattern_that_cannot_be_used_is_a_problem_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(RULES, "utf-8")
    folder = tmp_path / "knowledge"
    folder.mkdir()
    (folder / "Shop.yaml").write_text("name: Shop\nvolatile:\n- ^a$\n- '(a'\n", "utf-8")
    (folder / "Bad.yaml").write_text("name: Bad\ncolour: red\n", "utf-8")
    (folder / "Broken.yaml").write_text("name: [\n", "utf-8")
    (folder / "Latin.yaml").write_bytes(b"name: \xff\n")
    loaded = load_baselines(tmp_path)
    told = [str(each) for each in loaded.problems]
    reason = "looking around and referring back cannot be matched in linear time"
    assert told == [
        f"rules.yaml:5: error: secrets of Shop: a pattern cannot be used: uses (?=: {reason}",
        f"rules.yaml:7: error: matches cannot be used: uses (?<=: {reason}",
        "rules.yaml:8: error: key cannot be used: invalid character class range: z-a",
        "knowledge/Bad.yaml:2: error: colour: Extra inputs are not permitted",
        "knowledge/Broken.yaml:2: error: is no YAML: did not find expected node content",
        "knowledge/Latin.yaml: error: cannot be read, is no UTF-8 text",
        "knowledge/Shop.yaml:4: error: volatile: a pattern cannot be used: missing ): (a",
    ]
    assert [rule.key for rule in loaded.rules] == ["good"]
    assert loaded.secret_policy.secret(("pin",), "1234", "Shop"), "the good one still counts"


@pytest.mark.parametrize("separator", [".", "/"])
def test_a_glob_of_many_stars_is_judged_at_once(separator: str) -> None:
    pattern = glob("*a" * 40 + "**a" * 40 + "b", separator)
    began = time.process_time()
    assert not pattern.matches("a" * 20_000)
    assert time.process_time() - began < 1


def test_a_glob_that_is_none_is_the_name_that_it_writes() -> None:
    assert glob_problem("[z-a]*", ".") is not None
    assert glob("[z-a]*", ".").matches("[z-a]*")
    assert not glob("*" + "x" * 5_000, ".").matches("x" * 5_000)
    assert glob("a[!b]c", ".").matches("adc")
    assert glob("a[]]c", ".").matches("a]c")
