"""Every kind of deviation is told from its near misses."""

from __future__ import annotations

from typing import Any

import pytest

from homeamp_agent.model.deviation import Deviation, DeviationKind, DeviationStatus
from homeamp_agent.model.rule import Severity

Kind = DeviationKind


def one(found: tuple[Deviation, ...]) -> Deviation:
    assert len(found) == 1, [(each.kind, each.key, each.message) for each in found]
    return found[0]


def rule(key: str, **condition: Any) -> dict[str, Any]:
    return {"plugin": "Shop", "file": "config.yml", "key": key, **condition}


def shop(network: Any, config: str, *rules: dict[str, Any], **declared: Any) -> Any:
    network.instance("SMP01")
    network.plugin("SMP01", "Shop", config)
    network.rules(*rules, **declared)
    return network.check()


def test_a_value_that_differs_is_told_with_its_line_and_its_rule(network: Any) -> None:
    found = one(shop(network, "a: 1\nb:\n  c: 5\n", rule("b.c", value=10)))
    assert (found.kind, found.expected, found.actual, found.line) == (Kind.VALUE, 10, 5, 3)
    assert (found.file, found.key, found.path) == ("plugins/Shop/config.yml", "b.c", ("b", "c"))
    assert found.rule is not None
    assert found.rule.source.file == "rules.yaml"
    assert found.message == "b.c is 5, expected 10"


@pytest.mark.parametrize(
    ("written", "expected"),
    [("1", 1.0), ("1.0", 1), ("true", True), ("'x'", "x"), ("[1, 2]", [1, 2]), ("yes", True)],
)
def test_equal_values_in_other_clothes_are_no_drift(
    network: Any, written: str, expected: Any
) -> None:
    assert shop(network, f"a: {written}  # comment\n", rule("a", value=expected)) == ()


def test_the_same_text_of_another_type_is_of_low_severity(network: Any) -> None:
    found = one(shop(network, "a: '10'\n", rule("a", value=10)))
    assert (found.kind, found.severity) == (Kind.TYPE, Severity.LOW)


def test_text_formats_compare_by_their_text(network: Any) -> None:
    network.instance("SMP01", {"server.properties": "max-players=20\nwhite-list=TRUE\npvp=no\n"})
    network.rules(
        {"file": "server.properties", "key": "max-players", "value": 20},
        {"file": "server.properties", "key": "white-list", "value": True},
        {"file": "server.properties", "key": "pvp", "value": False},
    )
    assert one(network.check()).key == "pvp"


def test_a_missing_key_is_told_with_the_place_it_belongs(network: Any) -> None:
    found = one(shop(network, "b:\n  x.y:\n    d: 1\n", rule("b.x.y.c", value=10)))
    assert (found.kind, found.actual, found.expected) == (Kind.MISSING_KEY, None, 10)
    assert found.path == ("b", "x.y", "c")


def test_the_identity_of_a_missing_key_does_not_change_with_the_file_around_it(
    network: Any,
) -> None:
    first = one(shop(network, "z: 1\n", rule("b.c.d", value=10)))
    network.write("SMP01", "plugins/Shop/config.yml", "z: 1\nb.c: {x: 1}\n")
    second = one(network.check())
    assert first.path != second.path
    assert first.id == second.id


def test_a_missing_file_is_one_finding_however_much_is_expected_in_it(network: Any) -> None:
    network.instance("SMP01")
    network.plugin("SMP01", "Shop")
    network.write("SMP01", "plugins/Shop/other.yml", "x: 1\n")
    network.rules(*(rule(f"key-{number}", value=number) for number in range(50)))
    found = one(network.check())
    assert (found.kind, found.file) == (Kind.MISSING_FILE, "plugins/Shop/config.yml")
    assert "50 settings are expected in it" in found.message


def test_a_plugin_that_is_not_installed_is_not_compared(network: Any) -> None:
    network.instance("SMP01")
    network.rules(rule("a", value=1))
    assert network.check() == ()


@pytest.mark.parametrize(
    ("installed", "condition", "kind"),
    [
        (False, {"present": True}, Kind.MISSING_PLUGIN),
        (True, {"absent": True}, Kind.UNEXPECTED_PLUGIN),
        (True, {"present": True}, None),
        (False, {"absent": True}, None),
    ],
)
def test_plugins_are_expected_to_be_there_or_not(
    network: Any, installed: bool, condition: dict[str, Any], kind: Kind | None
) -> None:
    network.instance("SMP01")
    if installed:
        network.plugin("SMP01", "Shop")
    network.rules({"plugin": "Shop", **condition})
    assert [each.kind for each in network.check()] == ([] if kind is None else [kind])


def test_the_folder_that_a_removed_plugin_left_is_no_plugin(network: Any) -> None:
    network.instance("SMP01", {"plugins/Shop/config.yml": "a: 1\n"})
    network.rules({"plugin": "Shop", "absent": True})
    assert network.check() == ()


@pytest.mark.parametrize(
    ("condition", "good", "bad"),
    [
        ({"one_of": [1, 2]}, "2", "3"),
        ({"range": [1, 20]}, "20", "21"),
        ({"range": [None, 20]}, "-5.5", "20.5"),
        ({"range": [1, None]}, "1", "text"),
        ({"matches": "[a-z]+-[0-9]+"}, "smp-1", "smp-1x"),
        ({"present": True}, "", None),
        ({"absent": True}, None, "1"),
    ],
)
def test_conditions_say_more_than_one_value(
    network: Any, condition: dict[str, Any], good: str | None, bad: str | None
) -> None:
    def config(value: str | None) -> str:
        return "z: 0\n" if value is None else f"z: 0\na: {value}\n"

    assert shop(network, config(good), rule("a", **condition)) == ()
    network.write("SMP01", "plugins/Shop/config.yml", config(bad))
    assert one(network.check()).key == "a"


def test_one_setting_can_be_expected_to_be_the_same_as_another(network: Any) -> None:
    network.instance("SMP01", {"server.properties": "server-port=25566\n"})
    network.plugin("SMP01", "Shop", "port: 25566\n")
    network.plugin("SMP01", "Map", "webserver: {port: 25566}\n")
    network.rules(
        rule("other", same_as={"key": "port"}),
        rule("port", same_as={"plugin": "Map", "key": "webserver.port"}),
    )
    network.write("SMP01", "plugins/Shop/config.yml", "port: 25566\nother: 25566\n")
    assert network.check() == ()
    network.write("SMP01", "plugins/Shop/config.yml", "port: 25566\nother: 25567\n")
    found = one(network.check())
    assert (found.kind, found.expected, found.actual) == (Kind.VALUE, 25566, 25567)


def test_values_that_two_instances_share_are_a_finding_on_each(network: Any) -> None:
    for number, port in enumerate((1, 2, 2, 3), 1):
        network.instance(f"SMP0{number}", {"server.properties": f"server-port={port}\n"})
    network.rules({"file": "server.properties", "key": "server-port", "unique": True})
    found = network.check()
    assert [(each.instance, each.kind, each.actual) for each in found] == [
        ("SMP02", Kind.NOT_UNIQUE, "2"),
        ("SMP03", Kind.NOT_UNIQUE, "2"),
    ]
    assert "SMP03" in found[0].message


def test_an_empty_value_is_no_identity_to_share(network: Any) -> None:
    for name in ("A1", "A2"):
        network.instance(name, {"server.properties": "level-seed=\n"})
    network.rules({"file": "server.properties", "key": "level-seed", "unique": True})
    assert network.check() == ()


def test_two_rules_of_equal_rank_that_disagree_are_a_conflict(network: Any) -> None:
    found = one(shop(network, "a: 1\n", rule("a", value=1), rule("a", value=2)))
    assert found.kind is Kind.RULE_CONFLICT
    assert found.actual == 1


def test_a_variable_without_a_value_is_a_finding_and_no_comparison(network: Any) -> None:
    found = one(shop(network, "a: x\n", rule("a", value="{{NOWHERE}}-1")))
    assert found.kind is Kind.UNRESOLVED_VARIABLE
    assert "{{NOWHERE}}" in found.message


def test_a_key_in_more_than_one_file_asks_for_the_file(network: Any) -> None:
    network.instance("SMP01")
    network.plugin("SMP01", "Shop", "z: 1\n")
    for name in ("one", "two"):
        network.write("SMP01", f"plugins/Shop/{name}.yml", "price: 5\n")
    network.rules({"plugin": "Shop", "key": "price", "value": 6})
    found = one(network.check())
    assert found.kind is Kind.RULE_CONFLICT
    assert "one.yml" in found.message
    assert "two.yml" in found.message


def test_in_a_complete_file_every_other_key_is_too_much_a_new_section_once(network: Any) -> None:
    config = "a: 1\nb:\n  c: 1\n  d: 1\nnew:\n  x: 1\n  y: {z: 1}\nseen: 5\n"
    found = shop(
        network,
        config,
        rule("a", value=1),
        rule("b.c", value=1),
        rule("seen", ignore=True),
        {"plugin": "Shop", "file": "config.yml", "complete": True},
    )
    assert [(each.kind, each.key) for each in found] == [
        (Kind.EXTRA_KEY, "b.d"),
        (Kind.EXTRA_KEY, "new"),
    ]


def test_the_same_tree_without_a_complete_rule_has_no_extra_keys(network: Any) -> None:
    assert shop(network, "a: 1\nb: 2\n", rule("a", value=1)) == ()


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", None),
        (b"\n\n  \n", None),
        (b"\x00\x01\x02" * 20, "binary"),
        (b'a: 1\nb: "never closed\n', "line"),
        (b"a: 1\n" * 4_000_000, "at most"),
    ],
    ids=["zero bytes", "blank", "binary", "truncated", "too large"],
)
def test_a_bad_file_is_one_finding_and_the_rest_is_checked(
    network: Any, content: bytes, found: str | None
) -> None:
    network.instance("SMP01", {"plugins/Odd/some.yml": content})
    network.plugin("SMP01", "Shop", "a: 1\n")
    network.rules(rule("a", value=2))
    messages = {each.kind: each.message for each in network.check()}
    assert Kind.VALUE in messages
    if found is None:
        assert set(messages) == {Kind.VALUE}
    else:
        assert found in messages[Kind.UNREADABLE]


def test_no_secret_is_in_a_deviation_and_a_wrong_one_is_still_seen(network: Any) -> None:
    found = one(
        shop(
            network,
            "mysql:\n  password: hunter2\napi-token: right\n",
            rule("mysql.password", value="correct horse"),
            rule("api-token", value="right"),
        )
    )
    text = found.model_dump_json()
    assert "hunter2" not in text
    assert "correct horse" not in text
    assert found.actual["masked"] != found.expected["masked"]


def test_a_secret_that_a_text_format_holds_as_text_equals_its_number(network: Any) -> None:
    network.instance("SMP01", {"server.properties": "rcon.password=12345\n"})
    network.rules({"file": "server.properties", "key": "rcon.password", "value": 12345})
    assert network.check() == ()


def test_security_and_core_plugins_weigh_more_and_looks_weigh_less(network: Any) -> None:
    network.instance("SMP01", {"server.properties": "online-mode=false\nmotd=x\nview-distance=3\n"})
    network.plugin("SMP01", "LuckPerms", "server: x\n")
    network.rules(
        {"file": "server.properties", "key": "online-mode", "value": True},
        {"file": "server.properties", "key": "motd", "value": "y"},
        {"file": "server.properties", "key": "view-distance", "value": 10},
        {"plugin": "LuckPerms", "file": "config.yml", "key": "server", "value": "y"},
    )
    severities = {each.key: each.severity for each in network.check()}
    assert severities == {
        "online-mode": Severity.HIGH,
        "motd": Severity.LOW,
        "view-distance": Severity.MEDIUM,
        "server": Severity.HIGH,
    }


def test_an_approval_covers_one_value_until_it_changes(network: Any) -> None:
    import datetime as dt

    from homeamp_agent.baselines import approval_of, write_approved
    from homeamp_agent.model.rule import Scope, ScopeKind

    found = one(shop(network, "a: 5\n", rule("a", value=10)))
    now = dt.datetime.now(dt.UTC)
    approval = approval_of(
        found,
        scope=Scope(kind=ScopeKind.INSTANCE, target="SMP01"),
        reason="agreed",
        by="nell",
        at=now,
        expires=now + dt.timedelta(days=1),
    )
    write_approved(network.baselines, [approval])
    assert network.check() == ()
    assert one(network.check(now=now + dt.timedelta(days=2))).status is DeviationStatus.PENDING
    network.write("SMP01", "plugins/Shop/config.yml", "a: 6\n")
    assert one(network.check()).actual == 6
