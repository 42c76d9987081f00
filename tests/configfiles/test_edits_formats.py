"""Removing, inserting and replacing lists in TOML, HOCON, Forge .cfg, INI, .kvp and JSON5."""

# ruff: noqa: E501 - a row of a table reads better in one line

from __future__ import annotations

from typing import Any

import pytest

from homeamp_agent.configfiles import EditRefused, KeyPath, parse

FORGE = "# Configuration file\n\n"


@pytest.mark.parametrize(
    ("file", "before", "path", "after"),
    [
        ("f.toml", "a = 1 # c\nb = 2\n", ("a",), "b = 2\n"),
        ("f.toml", "a = 1\nb = 2", ("b",), "a = 1"),
        ("f.toml", "a.b.c = 1\nd = 2\n", ("a",), "d = 2\n"),
        ("f.hocon", "a.b.c = 1\nd = 2\n", ("a", "b"), "d = 2\n"),
        ("f.toml", "[t]\na = 1\n\n# about u\n[u]\nb = 2\n", ("t",), "\n# about u\n[u]\nb = 2\n"),
        ("f.toml", "[t]\na = 1\n[t.x]\nb = 2\n[u]\n", ("t",), "[u]\n"),
        ("f.toml", "[[t]]\na = 1\n[[t]]\na = 2\n[[t]]\na = 3\n", ("t", 1), "[[t]]\na = 1\n[[t]]\na = 3\n"),
        ("f.toml", "a = { b = 1, c = 2 }\n", ("a", "b"), "a = { c = 2 }\n"),
        ("f.toml", "a = [\n  1, # one\n  2, # two\n]\n", ("a", 0), "a = [\n  2, # two\n]\n"),
        ("f.hocon", "a = 1\nb { c = 2 } # d\nx = 3", ("b",), "a = 1\nx = 3"),
        ("f.hocon", "a { b = 1, c = 2 }\n", ("a", "c"), "a { b = 1 }\n"),
        ("f.hocon", "a.b = 1\na.c = 2\n", ("a", "b"), "a.c = 2\n"),
        ("f.cfg", FORGE + "a {\n    # about\n    B:x=true\n}\n\nI:y=1\n", ("a",), FORGE + "\nI:y=1\n"),
        ("f.cfg", FORGE + "a {\n    S:l <\n        x\n        y\n     >\n}\n", ("a", "l", 0), FORGE + "a {\n    S:l <\n        y\n     >\n}\n"),
        ("f.ini", "[a]\nx = 1\n\n; about b\n[b]\ny = 2\n", ("a",), "\n; about b\n[b]\ny = 2\n"),
        ("f.ini", "[a]\nx = 1\n[b]\ny = 2", ("b",), "[a]\nx = 1"),
        ("f.kvp", "A.B=1\nC=2", ("C",), "A.B=1"),
        ("f.properties", "a=1\nb=x\\\n  y\nc=2\n", ("b",), "a=1\nc=2\n"),
        ("f.json5", "{\n  a: 1, // one\n  b: 2 // two\n}\n", ("b",), "{\n  a: 1 // one\n}\n"),
    ],
)  # fmt: skip
def test_a_removed_setting_takes_its_own_lines(
    file: str, before: str, path: KeyPath, after: str
) -> None:
    assert parse(file, before.encode()).unset(path).decode() == after


@pytest.mark.parametrize(
    ("file", "before", "path", "reason"),
    [
        ("f.toml", "[t]\na = 1\n[u]\n[t.x]\nb = 2\n", ("t",), "several places"),
        ("f.toml", "a.b = 1\na.c = 1\n", ("a",), "several places"),
        ("f.hocon", "a { b = 1 }\na { c = 2 }\n", ("a",), "several places"),
        ("f.cfg", FORGE + "a {\nB:x=true\n}\na {\nB:y=true\n}\n", ("a",), "several places"),
        ("f.cfg", FORGE + "a { }; \n", ("a",), "expected a category"),
        ("f.ini", "[a]\nx = 1\n[b]\nz = 1\n[a]\ny = 2\n", ("a",), "several places"),
        ("f.kvp", "A=1\n", ("B",), "no such key"),
        ("f.json", '{"a": 1}', (), "whole file"),
    ],
)
def test_a_removal_that_would_touch_more_is_refused(
    file: str, before: str, path: KeyPath, reason: str
) -> None:
    with pytest.raises(Exception, match=reason):
        parse(file, before.encode()).unset(path)


@pytest.mark.parametrize(
    ("file", "before", "path", "value", "after"),
    [
        ("f.toml", "# head\na = 1\n\n[t]\n", ("b",), 2, "# head\na = 1\nb = 2\n\n[t]\n"),
        ("f.toml", "# about t\n[t]\nx = 1\n", ("b",), 2, "b = 2\n\n# about t\n[t]\nx = 1\n"),
        ("f.toml", "[t]\n  a=1\n[u]\n", ("t", "b"), "x", '[t]\n  a=1\n  b="x"\n[u]\n'),
        ("f.toml", "[t]\na = 1\n", ("u", "v", "b"), True, "[t]\na = 1\n\n[u.v]\nb = true\n"),
        ("f.toml", "a.b = 1\n", ("a", "c"), 2, "a.b = 1\na.c = 2\n"),
        ("f.toml", "[[t]]\na = 1\n[[t]]\na = 2\n", ("t", 0, "b", "c"), 3, "[[t]]\na = 1\nb.c = 3\n[[t]]\na = 2\n"),
        ("f.toml", "[[t]]\na = 1\n\n[u]\n", ("t", 1), {"a": 2}, "[[t]]\na = 1\n\n[[t]]\na = 2\n\n[u]\n"),
        ("f.json", '{\n"a": [1, 2],\n"b": [\n {}\n]\n}', ("c",), [3], '{\n"a": [1, 2],\n"b": [\n {}\n],\n"c": [3]\n}'),
        ("f.hocon", "a {\n  b: 1\n}\n", ("a", "c"), "x", 'a {\n  b: 1\n  c: "x"\n}\n'),
        ("f.hocon", "a = 1\n", ("b", "c"), 2, "a = 1\nb { c = 2 }\n"),
        ("f.cfg", FORGE + "a {\n    B:x=true\n}\n", ("a", "y"), 1.5, FORGE + "a {\n    B:x=true\n    D:y=1.5\n}\n"),
        ("f.cfg", FORGE + "a {\n    B:x=true\n}\n", ("a", "b", "y"), ["q"], FORGE + "a {\n    B:x=true\n    b {\n        S:y <\n            q\n         >\n    }\n}\n"),
        ("f.ini", "[a]\nx=1\n\n[b]\ny=2\n", ("a", "z"), "3", "[a]\nx=1\nz=3\n\n[b]\ny=2\n"),
        ("f.ini", "[a]\nx=1\n", ("c", "z"), "3", "[a]\nx=1\n\n[c]\nz=3\n"),
        ("f.kvp", "A.B=1\r\nA.C=2\r\nD=3\r\n", ("A.D",), True, "A.B=1\r\nA.C=2\r\nA.D=true\r\nD=3\r\n"),
        ("f.jsonc", "/*\n a: 1\n*/\n{ \"a\": 1 }", ("b", "c"), 2, "/*\n a: 1\n*/\n{ \"a\": 1, \"b\": {\"c\": 2} }"),
        ("f.json5", "{\n\ta: 1, // one\n}", ("b", "c"), [1], "{\n\ta: 1, // one\n\tb: {\n\t\tc: [1]\n\t},\n}"),
    ],
)  # fmt: skip
def test_a_new_setting_stands_beside_its_siblings_in_their_style(
    file: str, before: str, path: KeyPath, value: Any, after: str
) -> None:
    assert parse(file, before.encode()).insert(path, value).decode() == after


def test_a_value_added_to_nothing_follows_the_other_lists_of_scalars() -> None:
    before = '{\n  "a": ["x"],\n  "b": [],\n  "c": [\n    {}\n  ]\n}\n'
    after = parse("f.json", before.encode()).set(("b",), ["y"])
    assert after.decode() == before.replace("[]", '["y"]')


def test_what_is_added_to_no_list_is_told() -> None:
    document = parse("f.hocon", b"a = ${x}\na += 1\na += 2\n")
    assert [problem.line for problem in document.problems] == [2]
    assert document.set(("a", 1), 3) == b"a = ${x}\na += 1\na += 3\n"


COMMENTED = "[\n  {0}, {1} one\n  {1} about b\n  {2}, {1} two\n  {3} {1} three\n]"


@pytest.mark.parametrize(
    ("file", "start", "mark"),
    [("f.json5", "", "//"), ("f.toml", "l = ", "#"), ("f.hocon", "l = ", "#")],
)
@pytest.mark.parametrize(
    ("new", "lines"),
    [
        (["a", "c"], '\n  "a", {0} one\n  {0} about b\n  "c" {0} three\n'),
        (["a", "b"], '\n  "a", {0} one\n  {0} about b\n  "b" {0} two\n'),
        (["n", "a", "c"], '\n  "n",\n  "a", {0} one\n  {0} about b\n  "c" {0} three\n'),
        (["a", "b", "n", "c"], '\n  "a", {0} one\n  {0} about b\n  "b", {0} two\n  "n",\n  "c" {0} three\n'),
        (["b", "c", "n"], '\n  {0} about b\n  "b", {0} two\n  "c", {0} three\n  "n"\n'),
    ],
)  # fmt: skip
def test_a_new_list_keeps_each_item_that_stays_with_its_comment(
    file: str, start: str, mark: str, new: list[str], lines: str
) -> None:
    before = start + COMMENTED.format('"a"', mark, '"b"', '"c"')
    path = ("l",) if start else ()
    assert parse(file, before.encode()).set(path, new).decode() == start + f"[{lines.format(mark)}]"


@pytest.mark.parametrize("text", ["true", "null", "1", "1.5", "1e3", "-0", " x ", "${a}", "a # b"])
@pytest.mark.parametrize(
    ("file", "before"),
    [("f.json5", "{a: word}"), ("f.hocon", "a = word\n"), ("f.toml", "a = 1\n")],
)
def test_text_that_would_change_type_without_quotes_gets_them(
    file: str, before: str, text: str
) -> None:
    after = parse(file, before.encode()).set(("a",), text)
    assert parse(file, after).value(("a",)) == text
    assert f'"{text}"'.encode() in after


# Before and behind the value: a mark, tabs, no-break spaces, mixed line ends, no final one.
ODD = {
    "f.yml": "# \u00a0\t\r\na: 1\r\n\n\rb: 1 # \u00a0x\r\nc:   'y'\t",
    "f.json": '{\t"c\u00a0": "\u00a0x",\r\n\r\r\n "b" :\t1 ,\n"d": [ 1,2 ]\t}  ',
    "f.json5": "// \u00a0\r\n{\tc: '\u00a0',\n\n\r b :\t1 , // x\r\n} // end",
    "f.toml": "# \u00a0\t\r\nc = '\u00a0' \t\n\n\tb\t=  1  # x\r\n[t]\r\nd = ''",
    "f.properties": "# \u00a0\r\nc\t \u00a0x\r\n\rb\t=\t1\n!x\nd = \u00a0",
    "f.hocon": "# \u00a0\r\nc : \u00a0x\r\n\n\tb\t=\t1 // x\r\nd = y\t",
    "f.cfg": FORGE + "S:c=\u00a0 \t\r\n\tI:b= 1 \n~x\nS:d=y \t",
    "f.kvp": "#\u00a0\r\nc= \u00a0x\t\r\n\rb=1\nd=y \t",
    "f.ini": "; \u00a0\r\n\tc = \u00a0x\t\r\n\nb =\t1\r\n[s]\nd=y \t",
}


@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"], ids=["no mark", "mark"])
@pytest.mark.parametrize("raw", [b"\xc2\xa0", b"\xa7\xff"], ids=["no-break", "undecodable"])
@pytest.mark.parametrize("file", ODD)
def test_odd_bytes_elsewhere_survive_an_edit_bit_for_bit(file: str, raw: bytes, bom: bytes) -> None:
    before = bom + ODD[file].encode().replace(b"\xc2\xa0", raw)
    document = parse(file, before)
    span = document.settings[("b",)].span
    assert before[span.start : span.end] == b"1"
    after = document.set(("b",), 27)
    assert after == before[: span.start] + b"27" + before[span.end :]
    assert parse(file, after).set(("b",), 1) == before


def test_what_a_refusal_says_never_holds_the_value() -> None:
    with pytest.raises(EditRefused) as refused:
        parse("f.kvp", b"Password=old\n").set(("Password",), "hunter2\n")
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("old", [r"\"", r"\u0022", r"a\"", r"\"\""])
@pytest.mark.parametrize("file", ["f.json", "f.json5", "f.yml"])
def test_an_escaped_quote_at_the_end_is_not_taken_for_the_one_that_closes(
    file: str, old: str
) -> None:
    before = f'{{"k": "{old}", "z": 1}}'.encode()
    for new in ("", "a", "b"):
        assert parse(file, before).set(("k",), new) == f'{{"k": "{new}", "z": 1}}'.encode()
