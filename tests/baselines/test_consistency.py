"""What the sources say against each other, and what they hold that is no baseline at all."""

from __future__ import annotations

import io
import time
import zipfile
from pathlib import Path

import pytest

from homeamp_agent.baselines import has_errors, load_baselines
from homeamp_agent.baselines.markdown import read_markdown
from homeamp_agent.baselines.sheets import UNPACKED_BYTES_MAX

SECONDS_MAX = 20.0


def problems(folder: Path) -> list[str]:
    return [str(each) for each in load_baselines(folder).problems]


def test_a_rule_that_contradicts_an_earlier_one_of_the_same_selector_is_told(
    tmp_path: Path,
) -> None:
    (tmp_path / "rules.yaml").write_text(
        "aliases: {plugins: {ShopPlus: Shop}}\n"
        "rules:\n"
        "  - {plugin: Shop, key: max, value: secret-one}\n"
        "  - {plugin: shopplus, key: max, value: secret-two}\n"
    )
    assert problems(tmp_path) == [
        "rules.yaml:4: warning: shopplus max (global): rules.yaml:3 says otherwise at equal rank"
    ]


@pytest.mark.parametrize(
    "second",
    [
        "{plugin: Shop, key: max, value: 1.0}",
        "{plugin: Shop, key: max, value: 2, scope: {tag: x}}",
        "{plugin: Shop, file: config.yml, key: max, value: 2}",
        "{plugin: Shop, key: max, unique: true}",
        "{plugin: Shop, key: max, ignore: true}",
        "{plugin: Shop, key: max, value: 2, expires: 2001-01-01}",
    ],
)
def test_rules_that_agree_or_are_of_another_rank_are_no_contradiction(
    tmp_path: Path, second: str
) -> None:
    (tmp_path / "rules.yaml").write_text(
        f"rules:\n  - {{plugin: Shop, key: max, value: 1}}\n  - {second}\n"
    )
    assert problems(tmp_path) == []


def test_an_unknown_instance_is_told_with_its_nearest_even_without_a_matrix(
    tmp_path: Path,
) -> None:
    (tmp_path / "rules.yaml").write_text(
        "instances: {MIN01: {tags: [a]}, HUB01: {tags: [a]}}\n"
        "rules:\n  - {plugin: Shop, key: max, value: 1, scope: {instance: MINE01}}\n"
    )
    assert problems(tmp_path) == [
        "rules.yaml:3: warning: neither matrix nor rules name MINE01; "
        "nearest: MIN01 (declare an alias if it is one)"
    ]


def test_a_bracket_that_nothing_closes_does_not_hold_the_reader_up() -> None:
    lines = ["`list` = ["] + ["more, and more"] * 200_000 + ["`next` = 1"]
    began = time.monotonic()
    reading = read_markdown("Shop_universal_config.md", "\n".join(lines).encode())
    assert [rule.key for rule in reading.rules] == ["list", "next"]
    assert time.monotonic() - began < SECONDS_MAX


def test_a_workbook_that_unpacks_without_end_is_refused_unread(tmp_path: Path) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"<row/>" * (UNPACKED_BYTES_MAX // 6 + 1))
    (tmp_path / "Master_Variable_Configurations.xlsx").write_bytes(stream.getvalue())
    (told,) = problems(tmp_path)
    assert "unpacks to more than" in told


def test_a_truncated_workbook_and_a_wrong_encoding_are_one_line_each_and_lose_no_other(
    tmp_path: Path,
) -> None:
    (tmp_path / "Master_Variable_Configurations.xlsx").write_bytes(b"PK\x03\x04 cut off")
    (tmp_path / "Shop_universal_config.md").write_bytes(b"`caf\xe9` = 1\n\n`key` = 2\n")
    (tmp_path / "Hub_universal_config.md").write_bytes('`name` = "hüb"\n'.encode("utf-16"))
    loaded = load_baselines(tmp_path)
    assert has_errors(loaded)
    assert [(rule.plugin, rule.condition.value) for rule in loaded.rules] == [
        ("Hub", "hüb"),
        ("Shop", 1),
        ("Shop", 2),
    ]
    assert [each.source.file for each in loaded.problems] == [
        "Master_Variable_Configurations.xlsx",
        "Shop_universal_config.md",
    ]
