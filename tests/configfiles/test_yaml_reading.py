"""YAML is read as SnakeYAML reads it for the servers."""

from __future__ import annotations

import math

import pytest

from homeamp_agent.configfiles import ConfigFileError, Document, KeyPath, Value, parse


def read(text: str | bytes) -> Document:
    return parse("config.yml", text.encode() if isinstance(text, str) else text)


def values(text: str | bytes) -> dict[KeyPath, Value]:
    return {path: setting.value for path, setting in read(text).settings.items()}


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("yes", True),
        ("Off", False),
        ("y", "y"),
        ("~", None),
        ("", None),
        ("12:00", 720),
        ("1:30:00", 5400),
        ("0123", 83),
        ("08", "08"),
        ("0x1F", 31),
        ("0b101", 5),
        ("1_000", 1000),
        ("-7", -7),
        ("1.0E8", 1e8),
        ("1e3", 1000.0),
        ("1.5e+3", 1500.0),
        ("1.", 1.0),
        (".5", 0.5),
        ("-.5", -0.5),
        ("0_", "0_"),
        ("0_1", 1),
        ("1e", "1e"),
        ("-.inf", -math.inf),
        ("12345678901234567890123", 12345678901234567890123),
        ("=", "="),
        ("2024-01-02", "2024-01-02"),
        ("x=y", "x=y"),
        ("'yes'", "yes"),
        ('"\\u00e9\\n"', "é\n"),
        ("!!str 5", "5"),
        ("!!int '5'", 5),
        ("!custom thing", "thing"),
        ("!!binary aGk=", "aGk="),
        ("a#b", "a#b"),
        ("%", None),
    ],
)
def test_a_plain_scalar_has_the_type_that_the_servers_give_it(written: str, value: Value) -> None:
    if written == "%":
        with pytest.raises(ConfigFileError, match=r"config\.yml:1:4"):
            read("a: %")
        return
    found = read(f"a: {written}\n").value(("a",))
    assert found == value
    assert isinstance(found, type(value))


def test_nan_is_read() -> None:
    assert math.isnan(read("a: .NaN\n").value(("a",)))


def test_keys_keep_their_types_and_their_text() -> None:
    text = "1: a\ntrue: b\n'true': c\n2.5: d\n~: e\n'': f\na.b: g\nhttp://x: h\n{{V}}: i\nкл: j\n"
    expected = [1, True, "true", "2.5", None, "", "a.b", "http://x", "{{V}}", "кл"]
    document = read(text.replace("1: a\n", "7: a\n"))
    assert [path[0] for path in document.settings] == [7, *expected[1:]]
    assert [type(path[0]) for path in document.settings] == [int, *map(type, expected[1:])]


def test_one_and_true_as_keys_of_the_same_mapping_stay_apart() -> None:
    assert values("1: a\ntrue: b\n") == {(1,): "a", ("true",): "b"}


def test_every_leaf_has_the_place_of_its_token() -> None:
    data = (
        "\ufeff# Ключ\r\nа: 'x' # c\r\nb:\r\n- 1\r\n- {k: \"v\", e: }\r\n"
        "c: |  # why\r\n  one\r\n\r\n  two\r\n\r\nd: &x !!str long\r\n  text\r\nf: []\r\n"
    ).encode()
    tokens = {
        path: (data[setting.span.start : setting.span.end].decode(), setting.line, setting.style)
        for path, setting in read(data).settings.items()
    }
    assert tokens == {
        ("а",): ("'x'", 2, "single"),
        ("b", 0): ("1", 4, "plain"),
        ("b", 1, "k"): ('"v"', 5, "double"),
        ("b", 1, "e"): ("", 5, "implied"),
        ("c",): ("|  # why\r\n  one\r\n\r\n  two", 6, "literal"),
        ("d",): ("long\r\n  text", 11, "plain"),
        ("f",): ("[]", 13, "flow"),
    }


def test_merge_keys_are_resolved_and_an_override_wins() -> None:
    text = "base: &b {x: 1, y: 2}\nuse:\n  <<: *b\n  y: 3\n"
    assert values(text)[("use", "x")] == 1
    assert values(text)[("use", "y")] == 3


def test_the_last_of_two_equal_keys_wins_and_is_reported() -> None:
    document = read("a: 1\nb: 2\na: 3\n")
    assert document.value(("a",)) == 3
    assert [(problem.kind, problem.line) for problem in document.problems] == [("duplicate_key", 3)]


def test_a_colour_code_without_quotes_is_reported() -> None:
    document = read("prefix: &aFoo\nok: &x 1\nuse: *x\n")
    assert document.value(("prefix",)) is None
    assert [problem.kind for problem in document.problems] == ["suspicious_anchor"]


def test_only_the_first_of_several_documents_is_the_config() -> None:
    document = read("a: 1\n---\nb: [\n")
    assert document.value(()) == {"a": 1}
    assert [problem.kind for problem in document.problems] == ["extra_documents"]


@pytest.mark.parametrize("text", ["", "# only a comment\n", "---\n", "\ufeff"])
def test_a_file_without_content_has_no_settings(text: str) -> None:
    assert not [s for s in read(text).settings.values() if s.value is not None]


def test_top_level_lists_and_scalars_have_settings() -> None:
    assert values("- a\n- b: 1\n") == {(0,): "a", (1, "b"): 1}
    assert values("only text\n") == {(): "only text"}


def test_undecodable_bytes_are_kept_apart_and_reported() -> None:
    document = read(b'motd: "\xa7aHi"\nname: \xa7b\nport: 1\n')
    assert document.value(("port",)) == 1
    assert document.value(("motd",)) != document.value(("name",))
    assert [(problem.kind, problem.line) for problem in document.problems] == [
        ("undecodable_bytes", 1)
    ]
    document.value(("motd",)).encode()


@pytest.mark.parametrize(
    ("data", "place"),
    [
        (b"a: 1\nb\nc: 2\n", "3:1"),
        (b"a:\n  - b\n c: 1\n", "3:2"),
        (b"a: *nothing\n", "1:4"),
        (b"a: &x [*x]\n", "1:8"),
        (b"a: \x01\n", "1:4"),
        (b"a: 1\n\x00\n", "2:1"),
        (b"a:\n\t- b\n", "2:1"),
        (b"<<<<<<< HEAD\na: 1\n=======\n", "2:2"),
        (b"\xff\xfea\x00:", "1:2"),
    ],
)
def test_what_cannot_be_read_is_one_error_with_its_place(data: bytes, place: str) -> None:
    with pytest.raises(ConfigFileError) as caught:
        read(data)
    assert str(caught.value).startswith(f"config.yml:{place}: ")
    assert "\n" not in str(caught.value)


def test_utf_16_with_a_mark_is_read_and_edited() -> None:
    data = "a: 1\nключ: '😀 x'\nb: 2\n".encode("utf-16")
    document = parse("config.yml", data)
    span = document.settings[("ключ",)].span
    assert data[span.start : span.end].decode("utf-16-le") == "'😀 x'"
    assert document.set(("b",), 5) == "a: 1\nключ: '😀 x'\nb: 5\n".encode("utf-16")
