"""Each pattern sees what it is for, and not what only looks like it."""

from __future__ import annotations

from typing import Any

import pytest

from homeamp_agent.baselines.knowledge import PluginKnowledge
from homeamp_agent.drift import patterns
from homeamp_agent.drift.patterns import Sight, pattern_of
from homeamp_agent.drift.spread import Spread
from homeamp_agent.model.deviation import URGENCY, Deviation, DeviationKind
from homeamp_agent.model.rule import Severity
from homeamp_agent.model.snapshot import MISSING

HERE = "SMP01"


def sight(
    *others: Any,
    actual: Any = MISSING,
    expected: Any = None,
    key: str = "some.key",
    kind: DeviationKind = DeviationKind.VALUE,
    knowledge: PluginKnowledge | None = None,
    aliases: dict[str, tuple[str, ...]] | None = None,
    **facts: Any,
) -> Sight:
    """A deviation on SMP01 among instances that have `others` at the same place."""
    values = {HERE: actual, **{f"SMP{n:02}": value for n, value in enumerate(others, 2)}}
    deviation = Deviation(
        id="x",
        host="alder",
        instance=HERE,
        plugin="Shop",
        file="plugins/Shop/config.yml",
        key=key,
        path=tuple(key.split(".")),
        kind=kind,
        severity=Severity.MEDIUM,
        expected=expected,
        actual=None if actual is MISSING else actual,
    )
    return Sight(
        deviation,
        Spread(values),
        aliases or {name: (name,) for name in values},
        knowledge or PluginKnowledge(name="Shop"),
        **facts,
    )


CASES: list[tuple[str, Sight, bool]] = [
    ("odd_one_out", sight(1, 1, actual=2), True),
    ("odd_one_out", sight(1, 1, 1, actual=MISSING), True),
    ("odd_one_out", sight(1, actual=2), False),
    ("odd_one_out", sight(1, 3, actual=2), False),
    ("odd_one_out", sight(1, 1, 2, actual=2), False),
    ("odd_one_out", sight(1.0, 1, actual=2), True),
    ("minority", sight(*[1] * 10, 3, actual=2), True),
    ("minority", sight(*[1] * 3, 3, actual=2), False),
    ("minority", sight(*[1] * 7, 2, actual=2), False),
    ("minority", sight(*range(10, 20), actual=2), False),
    ("majority", sight(2, 2, 1, actual=2, expected=1, alike=3), True),
    ("majority", sight(2, 2, 1, actual=2, expected=1, alike=2), False),
    ("majority", sight(2, actual=2, expected=1, alike=2), False),
    ("even_split", sight(1, 1, 2, actual=2), True),
    ("even_split", sight(1, 1, 1, 2, actual=2), True),
    ("even_split", sight(1, 1, 1, 1, 2, actual=2), False),
    ("even_split", sight(1, 2, actual=2), False),
    ("mixed_types", sight(1, 1, actual="one"), True),
    ("mixed_types", sight(1, 1.5, actual=2), False),
    ("mixed_types", sight(1, "x", actual="one"), False),
    ("mixed_types", sight(1, 1, actual={"masked": "abc"}), False),
    ("typo", sight(actual="surival", expected="survival"), True),
    ("typo", sight(actual="suvrival", expected="survival"), True),
    ("typo", sight("survival", "survival", actual="surival", expected={"matches": "x"}), True),
    ("typo", sight(actual="arena2", expected="arena1"), False),
    ("typo", sight(actual="on", expected="off"), False),
    ("typo", sight(actual="creative", expected="survival"), False),
    ("typo", sight(actual=1000, expected=10000), False),
    ("wrong_instance_name", sight("x", actual="data/smp02/x"), True),
    ("wrong_instance_name", sight("x", actual="data/SMP020/x"), False),
    ("wrong_instance_name", sight("x", actual="SMP01 and SMP02"), False),
    ("duplicated_identity", sight("id", actual="id", kind=DeviationKind.NOT_UNIQUE), True),
    ("duplicated_identity", sight("id", actual="id"), False),
    ("duplicated_identity", sight("other", actual="id", kind=DeviationKind.NOT_UNIQUE), False),
    ("return_to_default", sight(actual=3, default=3), True),
    ("return_to_default", sight(actual=3, default=4), False),
    ("return_to_default", sight(actual=MISSING, default=MISSING), False),
    ("security_downgrade", sight(key="online-mode", actual=False, expected=True), True),
    ("security_downgrade", sight(key="online-mode", actual=True, expected=False), False),
    ("security_downgrade", sight(key="online-mode", actual="false", expected=True), True),
    ("security_downgrade", sight(key="enable-rcon", actual=True, expected=False), True),
    ("security_downgrade", sight(key="enable-rcon", actual=False, expected=True), False),
    ("security_downgrade", sight(key="op-permission-level", actual=4, expected=2), True),
    ("security_downgrade", sight(key="op-permission-level", actual="1", expected=2), False),
    ("security_downgrade", sight(key="forwarding-mode", actual="none", expected="modern"), True),
    ("security_downgrade", sight(key="blacklist", actual=["a"], expected=["a", "op"]), True),
    ("security_downgrade", sight(key="blacklist", actual=["a", "b"], expected=["a"]), False),
    ("security_downgrade", sight(key="permissions", actual=["*"], expected=[]), True),
    ("security_downgrade", sight(key="view-distance", actual=False, expected=True), False),
]


def test_every_pattern_has_a_case_that_it_sees_and_a_near_miss() -> None:
    names = {find.__name__ for find in patterns.PATTERNS}
    for wanted in (True, False):
        assert {name for name, _, is_one in CASES if is_one is wanted} == names


def test_urgency_is_told_of_patterns_that_exist() -> None:
    assert URGENCY.keys() <= {find.__name__ for find in patterns.PATTERNS}


@pytest.mark.parametrize(
    ("name", "seen", "is_one"), CASES, ids=[f"{name}-{at}" for at, (name, *_) in enumerate(CASES)]
)
def test_a_pattern_sees_what_it_is_for_and_no_near_miss(
    name: str, seen: Sight, is_one: bool
) -> None:
    found = getattr(patterns, name)(seen)
    assert (found is not None) == is_one
    if found is not None:
        assert found.name == name
        assert found.evidence
        assert found.action
        assert 0 < found.confidence <= 1


def test_a_short_name_counts_only_where_the_own_one_is_expected() -> None:
    aliases: dict[str, tuple[str, ...]] = {
        HERE: ("SMP01", "SMP", "Survival"),
        "CREA01": ("CREA01", "CREA", "Creative"),
    }
    told = sight(actual="Creative is up", expected="Survival is up", aliases=aliases)
    word = sight(actual="be creative", expected="be nice", aliases=aliases)
    assert patterns.wrong_instance_name(told) is not None
    assert patterns.wrong_instance_name(word) is None


def test_a_whole_file_at_its_defaults_is_told_as_made_anew() -> None:
    one = patterns.return_to_default(sight(actual=3, default=3, at_default=1))
    many = patterns.return_to_default(sight(actual=3, default=3, at_default=7))
    assert one is not None
    assert many is not None
    assert "made anew" in many.evidence
    assert many.confidence > one.confidence


def test_an_identity_that_the_plugin_is_known_for_counts_without_a_rule() -> None:
    known = PluginKnowledge(name="Shop", identity=("^server-uuid$",))
    found = pattern_of(sight("x", actual="x", expected="y", key="server-uuid", knowledge=known))
    assert found is not None
    assert found.name == "duplicated_identity"


def test_why_a_value_is_wrong_comes_before_how_many_have_it() -> None:
    found = pattern_of(sight("survival", "survival", actual="surival", expected="survival"))
    assert found is not None
    assert found.name == "typo"


def test_a_secret_is_never_in_the_evidence() -> None:
    found = pattern_of(sight({"masked": "aa"}, {"masked": "aa"}, actual={"masked": "bb"}))
    assert found is not None
    assert "bb" not in found.evidence


def test_what_nothing_is_like_has_no_pattern() -> None:
    assert pattern_of(sight(1, 2, 3, 4, 5, actual=6)) is None


def test_defaults_come_from_the_plugin_s_own_jar(network: Any) -> None:
    network.instance("SMP01")
    network.plugin("SMP01", "Shop", "a: 1\nb: 2\n", default="a: 1\nb: 7\n")
    rule = {"plugin": "Shop", "file": "config.yml"}
    network.rules({**rule, "key": "a", "value": 5}, {**rule, "key": "b", "value": 5})
    found = {each.key: each.pattern and each.pattern.name for each in network.check()}
    assert found == {"a": "return_to_default", "b": None}


def test_a_jar_that_is_no_jar_any_more_has_no_defaults(network: Any) -> None:
    from homeamp_agent.drift.defaults import JarDefaults
    from homeamp_agent.drift.scan import Scanner
    from homeamp_agent.instances import discover
    from homeamp_agent.model.secret import Masker

    network.instance("SMP01")
    network.plugin("SMP01", "Shop", "a: 1\n", default="a: 1\n")
    masker = Masker(bytes(32))
    snapshots, _ = Scanner(masker, workers=1).scan(discover(network.instances, "alder").instances)
    defaults = JarDefaults(snapshots, masker)
    place = ("SMP01", "Shop", "plugins/Shop/config.yml", ("a",))
    assert defaults(*place) == 1
    jar = network.game("SMP01") / "plugins" / "Shop-1.0.jar"
    jar.write_bytes(b"PK no zip")
    assert defaults(*place) is MISSING
    jar.unlink()
    assert defaults(*place) is MISSING
