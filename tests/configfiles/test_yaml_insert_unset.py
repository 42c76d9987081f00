"""A missing YAML setting goes beside its siblings; a removed one takes only its own lines."""

from __future__ import annotations

import pytest

from homeamp_agent.configfiles import EditRefused, KeyPath, Value, parse


@pytest.mark.parametrize(
    ("before", "path", "value", "after"),
    [
        ("a: 1\n", ("b",), "x", "a: 1\nb: x\n"),
        ("a: 1", ("b",), "x", "a: 1\nb: x"),
        ("a: 1\r\n", ("b",), "x", "a: 1\r\nb: x\r\n"),
        ("a: 'p'\n", ("b",), "x", "a: 'p'\nb: 'x'\n"),
        ("a:\n    k: 1\nb: 2\n", ("a", "l"), True, "a:\n    k: 1\n    l: true\nb: 2\n"),
        (
            "a:\n  k: 1\n  #l: 2\n\n# b\nb: 2\n",
            ("a", "m"),
            3,
            "a:\n  k: 1\n  m: 3\n  #l: 2\n\n# b\nb: 2\n",
        ),
        ("a:\n    k: 1\n", ("b", "c", "d"), 2, "a:\n    k: 1\nb:\n    c:\n        d: 2\n"),
        ("a: {}\nb: 1\n", ("a", "k"), 1, "a:\n  k: 1\nb: 1\n"),
        ("a: # c\nb: 1\n", ("a", "k"), 1, "a: # c\n  k: 1\nb: 1\n"),
        ("'1':\n  x: 1\n", ("2",), {"x": 2}, "'1':\n  x: 1\n'2':\n  x: 2\n"),
        ("'1':\n  'x': 1\n", ("2", "x"), 2, "'1':\n  'x': 1\n'2':\n  'x': 2\n"),
        # What is indented deeper belongs to what stands above it, and so do items taken out.
        ("a:\n  k: 1\n  # l: 2\n# m\n", ("b",), 1, "a:\n  k: 1\n  # l: 2\nb: 1\n# m\n"),
        ("a:\n- k\n# - l\n#m: n\n", ("b",), 1, "a:\n- k\n# - l\nb: 1\n#m: n\n"),
        ("a:\n  # k: 0\nb: 1\n", ("a", "k"), 1, "a:\n  # k: 0\n  k: 1\nb: 1\n"),
        ("a: null\n", ("a", "k"), 1, "a:\n  k: 1\n"),
        ("a: {k: 1}\n", ("a", "l"), "x", "a: {k: 1, l: x}\n"),
        ('{\n  "a": 1\n}\n', ("b",), "x", '{\n  "a": 1,\n  "b": "x"\n}\n'),
        ("", ("a", "b"), 1, "a:\n  b: 1\n"),
        ("# only\n", ("a",), 1, "# only\na: 1\n"),
        ("# only", ("a",), 1, "# only\na: 1"),
        ("{}\n", ("a",), 1, "a: 1\n"),
        ("--- # one\na: 1\n...\n", ("b",), 2, "--- # one\na: 1\nb: 2\n...\n"),
        ("a: 1\n---\nz: 1\n", ("b",), 2, "a: 1\nb: 2\n---\nz: 1\n"),
        ("a:\n- x\n", ("a", 1), "y", "a:\n- x\n- y\n"),
        ("a: [x]\n", ("a", 1), "y", "a: [x, y]\n"),
        ("a:\n  - k: 1\n", ("a", 0, "l"), 2, "a:\n  - k: 1\n    l: 2\n"),
        ("a: 1\nl:\n- x\n", ("b",), ["y", {"k": 1}], "a: 1\nl:\n- x\nb:\n- y\n- k: 1\n"),
        ("a: 1\n", ("b",), "one\ntwo\n", "a: 1\nb: |\n  one\n  two\n"),
        ("a: |\n  text\n\nb: 1\n", ("c",), 2, "a: |\n  text\n\nb: 1\nc: 2\n"),
        ("a: [ x ]\n", ("b",), ["p", "q"], "a: [ x ]\nb: [ p, q ]\n"),
        ("s:\n- x\nl: [x]\nm: [y]\n", ("b",), ["p"], "s:\n- x\nl: [x]\nm: [y]\nb: [p]\n"),
        ("l: [x]\n", ("b",), [{"k": 1}], "l: [x]\nb:\n  - k: 1\n"),
        ("l:\n- {k: 1}\n", ("l", 1), {"k": 2}, "l:\n- {k: 1}\n- {k: 2}\n"),
        ("l:\n- 'x'\n- y\n", ("l", 2), "z", "l:\n- 'x'\n- y\n- z\n"),
        ('"a": 1\n"b": 2\n', ("c",), 3, '"a": 1\n"b": 2\n"c": 3\n'),
        ("a: 1\n", ("yes",), 2, "a: 1\n'yes': 2\n"),
        ("a: 1\n", (7,), 2, "a: 1\n7: 2\n"),
        ("a: 1\n", ("k: v",), 2, "a: 1\n'k: v': 2\n"),
        (
            "base: &b {x: 1}\nuse:\n  <<: *b\n",
            ("use", "y"),
            2,
            "base: &b {x: 1}\nuse:\n  <<: *b\n  y: 2\n",
        ),
    ],
)
def test_a_missing_setting_goes_beside_its_siblings_in_their_style(
    before: str, path: KeyPath, value: Value, after: str
) -> None:
    assert parse("config.yml", before.encode()).insert(path, value).decode() == after


@pytest.mark.parametrize(
    ("before", "path"),
    [
        ("a: 1\n", ("a",)),
        ("a: 1\n", ("a", "b")),
        ("a: [x]\n", ("a", 5)),
        ("a: 1\n", ("b", 0)),
        ("a: &x {k: 1}\nb: *x\n", ("b", "l")),
        ("a: &x {k: 1}\nb: *x\n", ("a", "l")),
    ],
)
def test_a_setting_that_has_no_place_is_not_inserted(before: str, path: KeyPath) -> None:
    with pytest.raises(EditRefused):
        parse("config.yml", before.encode()).insert(path, 1)


@pytest.mark.parametrize(
    ("before", "path", "after"),
    [
        ("# h\na: 1 # c\nb: 2\n", ("a",), "# h\nb: 2\n"),
        ("a: 1\nb: 2", ("b",), "a: 1"),  # it ends without a line break as before
        ("a:\n  k: 1\n  l: 2\n", ("a", "k"), "a:\n  l: 2\n"),
        ("a: # c\n  k: 1\nb: 1\n", ("a", "k"), "a: {} # c\nb: 1\n"),
        ("a:\n  - k: 1 # c\n    l: 2\n", ("a", 0, "k"), "a:\n  - l: 2\n"),
        ("a:\n  - k: 1\n", ("a", 0, "k"), "a:\n  - {}\n"),
        ("a:\n- x\n- y\n", ("a", 0), "a:\n- y\n"),
        ("a:\n- x\n", ("a", 0), "a: []\n"),
        ("a: [x, y, z]\n", ("a", 1), "a: [x, z]\n"),
        ("a: [x, y]\n", ("a", 1), "a: [x]\n"),
        ("a: {k: 1, l: 2}\n", ("a", "k"), "a: {l: 2}\n"),
        ("a: {k: 1}\n", ("a", "k"), "a: {}\n"),
        ("a: |\n  t\n  u\n\nb: 1\n", ("a",), "\nb: 1\n"),
        ("a:\n  k: 1\n\nb: 1\n", ("a",), "\nb: 1\n"),
        ("a: 1\r\nb: 2\r\n", ("a",), "b: 2\r\n"),
        ("a: 1\n", ("a",), ""),
    ],
)
def test_a_removed_setting_takes_its_own_lines(before: str, path: KeyPath, after: str) -> None:
    assert parse("config.yml", before.encode()).unset(path).decode() == after


@pytest.mark.parametrize(
    ("before", "path"),
    [
        ("a: 1\n", ("b",)),
        ("a: 1\n", ()),
        ("a: 1\na: 2\n", ("a",)),
        ("b: &b {x: 1}\nu:\n  <<: *b\n  y: 2\n", ("u", "x")),
        ("a: [x, # c\n y]\n", ("a", 0)),
    ],
)
def test_what_cannot_be_removed_alone_is_refused(before: str, path: KeyPath) -> None:
    with pytest.raises(EditRefused):
        parse("config.yml", before.encode()).unset(path)
