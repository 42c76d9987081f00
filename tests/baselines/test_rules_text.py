"""What is written as rules.yaml is read back as the same rules."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeamp_agent.baselines.rules_file import read_rules
from homeamp_agent.baselines.rules_text import expressible, rules_text
from homeamp_agent.model.setting import same_value

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.sampled_from(["1.0E8", "no", "#464646", "&eWings", "=", "2026-01-02", "0x1F", "~", " "])
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(value=VALUES.filter(expressible), key=st.text(min_size=1).filter(expressible))
def test_any_value_comes_back_as_it_was(value: Any, key: str) -> None:
    text = rules_text([{"plugin": "Shop", "file": "config.yml", "key": key, "value": value}])
    reading = read_rules("rules.yaml", text.encode())
    assert [str(each) for each in reading.problems] == []
    (rule,) = reading.rules
    assert (rule.plugin, rule.file, rule.key) == ("Shop", "config.yml", key)
    assert same_value(rule.condition.value, value)


def test_no_rules_are_a_file_that_can_be_read() -> None:
    reading = read_rules("rules.yaml", rules_text([], ["Nothing here."]).encode())
    assert (reading.rules, reading.problems) == ([], [])


@pytest.mark.parametrize(
    "value",
    [{"masked": "0123456789ab"}, [{"masked": "0123456789ab"}], "{{NAME}}", math.inf, {1: 2}],
)
def test_what_no_rule_can_say_is_known_as_such(value: Any) -> None:
    assert not expressible(value)
