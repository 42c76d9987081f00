"""YAML that writes a character as the two halves of a surrogate pair, as old SnakeYAML dumps it."""

from __future__ import annotations

import time

import pytest

from homeamp_agent.configfiles import ConfigFileError, Document, Value, parse


def read(text: str) -> Document:
    return parse("config.yml", text.encode())


@pytest.mark.parametrize(
    ("written", "value"),
    [
        (r'"\ud83d\ude00 hi"', "😀 hi"),
        (r'"a \uD83D\uDE00\u00a7\U0001f601\\ud83d"', r"a 😀§😁\ud83d"),
        (r'"\U0000d83d\ude00"', "😀"),
        ('"\\ud83d\\\n    \\ude00 hi"', "😀 hi"),
        # Halves that belong to nothing stay as they are written, as in JSON.
        (r'"\ud83d hi"', r"\ud83d hi"),
        (r'"\ude00\ud83d"', r"\ude00\ud83d"),
        ('"\\ud83d\n  \\ude00"', r"\ud83d \ude00"),
        # Characters that could have stood in for a half are what they are.
        (r'"\ud83d\ude00\ue83d\uE000\uE001"', "😀\ue83d\ue000\ue001"),
        ('"\\ud83d\\ude00\ue83d\ue001\uf000\u3001"', "😀\ue83d\ue001\uf000\u3001"),
    ],
)
def test_halves_are_read_as_the_servers_read_them(written: str, value: str) -> None:
    document = read(f"é: é\na: {written}\nb: x\n")
    setting = document.settings[("a",)]
    assert setting.value == value
    assert document.data[slice(*setting.span)] == written.encode()
    assert document.set(("b",), "y") == document.data.replace(b"b: x", b"b: y")
    assert read("".join(("- ", written, "\n"))).value(()) == [value]


def test_what_only_looks_like_halves_beside_real_ones_is_text() -> None:
    text = (
        '"\\ud83d\\ude00": "\\ud83d\\ude01"\n'
        "a: 'x\\uD83d \\\\ud83d'\n"
        "b: plain\\uD83D\\ude00 # \\udabc\n"
        "c: !x &y |  # \\uD812\n  \\uD83D\n\n  \\uDa00\n"
        "d: >-\n  \\uD83D\n  \\U0000DE00\n"
        "e: [*y, \\udfff]\n"
    )
    document = read(text)
    assert document.value(()) == {
        "😀": "😁",
        "a": r"x\uD83d \\ud83d",
        "b": r"plain\uD83D\ude00",
        "c": "\\uD83D\n\n\\uDa00\n",
        "d": r"\uD83D \U0000DE00",
        "e": ["\\uD83D\n\n\\uDa00\n", r"\udfff"],
    }
    assert (
        document.set(("d",), "z")
        == text.replace("d: >-\n  \\uD83D\n  \\U0000DE00", "d: >-\n  z").encode()
    )


@pytest.mark.parametrize(
    ("before", "value", "after"),
    [
        (r'"\ud83d\ude00 hi"', "😀 ho", r'"\ud83d\ude00 ho"'),
        (r'"\uD83D\uDE00 hi"', "😁 hi 😀", r'"\uD83D\uDE01 hi \uD83D\uDE00"'),
        (r'"\ud83d\ude00 hi"', 5, "5"),
        ('"\\ud83d\\ude00 hi\n  there all"', "😀 ho there all", '"\\ud83d\\ude00 ho\n  there all"'),
        (r'"\ud83d hi"', r"\ud83d ho", r'"\\ud83d ho"'),
        (r'"\U0001f600 \u00a7"', "😁 §", r'"\U0001f601 \u00a7"'),
    ],
)
def test_a_text_with_halves_changes_where_it_differs(before: str, value: Value, after: str) -> None:
    assert read(f"a: {before}\nb: 1\n").set(("a",), value) == f"a: {after}\nb: 1\n".encode()


def test_json_keeps_the_pair_beside_what_changes() -> None:
    before = rb'{"a": "\ud83d\ude00 hi"}'
    assert parse("a.json", before).set(("a",), "😀 ho") == rb'{"a": "\ud83d\ude00 ho"}'


@pytest.mark.parametrize(
    "text",
    [
        'a: "\\ud83d\\ude00"\nb: "\\U00110000"\n',
        'a: "\\ud83d\\ude00"\nb: "\\ud83"\n',
        # Nothing is left that could stand in for the halves.
        'a: "\\ud83d' + "".join(map(chr, range(0x3000, 0xD800, 0x800))) + '\ue000\ue800\uf000"\n',
    ],
)
def test_what_no_reader_reads_is_one_error(text: str) -> None:
    with pytest.raises(ConfigFileError, match="not YAML"):
        read(text)


@pytest.mark.parametrize(
    "text",
    ['a: "' + "\\ud83d\\ude00" * 80_000 + '"\n', "\\" * 500_000 + '\n: "\\ud83d"\n'],
    ids=["pairs", "backslashes"],
)
def test_many_halves_take_time_by_their_number(text: str) -> None:
    started = time.process_time()
    document = read(text)
    assert len(document.settings) == 1
    assert time.process_time() - started < 1
