"""A new setting is written as the text beside it is, whatever the format."""

from __future__ import annotations

import pytest

from homeamp_agent.configfiles import EditRefused, KeyPath, Value, parse


@pytest.mark.parametrize(
    ("file", "before", "path", "value", "after"),
    [
        ("a.conf", "a: gzip\nb: 2\n", ("c",), "lz4", "a: gzip\nb: 2\nc: lz4\n"),
        ("a.conf", "a: gzip\nb: 2\n", ("c",), "x: y", 'a: gzip\nb: 2\nc: "x: y"\n'),
        ("a.conf", 'a = gzip\nb = "x"\n', ("c",), "lz4", 'a = gzip\nb = "x"\nc = "lz4"\n'),
        ("a.json5", "{a: 'x', b: 1}", ("c",), "y", "{a: 'x', b: 1, c: 'y'}"),
        ("a.toml", "a = 'x'\nb = 1\n", ("c",), "y\\z", "a = 'x'\nb = 1\nc = 'y\\z'\n"),
        ("a.toml", "t = {a = 'x'}\n", ("t", "b"), "y", "t = {a = 'x', b = 'y'}\n"),
        ("a.toml", "a = 4.50\n", ("a",), 12.0, "a = 12.00\n"),
        ("a.yml", "a: +5\n", ("a",), 7, "a: +7\n"),
        ("a.yml", "a: +5\n", ("a",), -7, "a: -7\n"),
        ("a.yml", "a: +5\n", ("a",), 0, "a: 0\n"),
        ("a.yml", "a: '+5'\n", ("a",), 7, "a: 7\n"),
        ("a.yml", "a: +0.50\n", ("a",), 7.25, "a: +7.25\n"),
        ("a.yml", "a: +1.0E8\n", ("a",), 2.5e9, "a: +2.5E9\n"),
        ("a.toml", "a = +1_000\n", ("a",), 7000, "a = +7_000\n"),
        ("a.toml", "a = +1_000\n", ("a",), -7000, "a = -7_000\n"),
        ("a.json5", "{a: +5}", ("a",), 7, "{a: +7}"),
        ("a.yml", "a: yes\nb: no\n", ("c",), True, "a: yes\nb: no\nc: yes\n"),
        ("a.yml", "a: True\nb: 'no'\n", ("c",), False, "a: True\nb: 'no'\nc: False\n"),
        ("a.yml", "a: yes\nb: false\n", ("c",), True, "a: yes\nb: false\nc: true\n"),
        ("a.yml", "a: 'yes'\n", ("c",), True, "a: 'yes'\nc: true\n"),
        ("a.yml", "a: On\ns:\n  x: 1\n", ("s", "c"), False, "a: On\ns:\n  x: 1\n  c: Off\n"),
        ("a.yml", "a: true\ns: {x: NO}\n", ("s", "c"), True, "a: true\ns: {x: NO, c: YES}\n"),
        ("a.yml", "l: [yes, no]\n", ("l", 2), True, "l: [yes, no, yes]\n"),
        ("a.conf", "a {}\nb = 1\n", ("a",), 5, "a = 5\nb = 1\n"),
        ("a.conf", "a {\n}\nb : 1\n", ("a",), "x y", 'a : "x y"\nb : 1\n'),
        ("a.conf", "x { a.b {}, c=1 }\n", ("x", "a", "b"), [1], "x { a.b = [1], c=1 }\n"),
        ("a.conf", "a {}\nb = 1\n", ("a",), {"c": 1}, "a { c = 1 }\nb = 1\n"),
        ("a.json", '{"a": 1.0E8}', ("a",), 2.5e9, '{"a": 2.5E9}'),
        ("a.conf", "a = 0.50\n", ("a",), 0.7, "a = 0.70\n"),
        ("a.conf", "a = ${x}/logs\n", ("a",), "${?y}/new logs", "a = ${?y}/new logs\n"),
        ("a.conf", "a = ${x}/logs\n", ("a",), "x: y", 'a = "x: y"\n'),
        ("a.conf", "a = ${x} [1]\n", ("a",), "${y} [1]", "a = ${y} [1]\n"),
        ("a.conf", "a = logs\n", ("a",), "${x}", 'a = "${x}"\n'),
        ("a.cfg", "g {\n  D:a=0.50\n}\n", ("g", "a"), 0.7, "g {\n  D:a=0.70\n}\n"),
        ("a.properties", "a=0.50\n", ("a",), 0.7, "a=0.70\n"),
        (
            "a.yml",
            "a: 'x'\nb: 'y'\nc:\n  d: e\n  f: \"g\"\n",
            ("c", "d"),
            "&ae",
            "a: 'x'\nb: 'y'\nc:\n  d: \"&ae\"\n  f: \"g\"\n",
        ),
        (
            "a.yml",
            "a: 'x'\nc:\n- d\n- \"e f\"\n- g\n- h\n",
            ("c", 0),
            "&a",
            'a: \'x\'\nc:\n- "&a"\n- "e f"\n- g\n- h\n',
        ),
        ("a.yml", "a: 0.5\n", ("a",), 0.00001, "a: 0.00001\n"),
        ("a.json", '{"a": 1.0}', ("a",), 2.5e-7, '{"a": 0.00000025}'),
        ("a.toml", "a = 1.0\n", ("a",), 1e16, "a = 10000000000000000.0\n"),
        ("a.conf", "a = 0.5\n", ("b",), 0.00005, "a = 0.5\nb = 0.00005\n"),
        ("a.cfg", "g {\n  D:a=0.5\n}\n", ("g", "a"), 1e-5, "g {\n  D:a=0.00001\n}\n"),
        ("a.properties", "a=0.5\n", ("a",), 1e-5, "a=0.00001\n"),
        ("a.ini", "[s]\na = 1.0\n", ("s", "a"), 1e-5, "[s]\na = 0.00001\n"),
        ("a.kvp", "a=1.5\n", ("a",), 1e-5, "a=0.00001\n"),
    ],
)
def test_new_text_is_written_as_what_stands_beside_it(
    file: str, before: str, path: KeyPath, value: Value, after: str
) -> None:
    document = parse(file, before.encode())
    edit = document.set if path in document.settings else document.insert
    assert edit(path, value).decode() == after


def test_a_substitution_does_not_become_text_by_quotes() -> None:
    with pytest.raises(EditRefused):
        parse("a.conf", b"a = ${x} y\n").set(("a",), "${x} # y")
