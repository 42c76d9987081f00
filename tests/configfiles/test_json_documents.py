from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeamp_agent.configfiles import (
    ConfigFileError,
    Document,
    EditRefused,
    Limits,
    TooLargeError,
    parse,
)

SetInPlace = Callable[[Document, tuple[Any, ...], Any], bytes]

LAX = b"""\xef\xbb\xbf{
  // a comment
  "name": 'single',   /* another */
  unquoted: 0x1F,
  "list": [
    1,
    2.50, # two and a half
  ],
  "tab": "a\tb",
}\r
"""


def document(text: str | bytes) -> Document:
    return parse("config.json", text if isinstance(text, bytes) else text.encode())


def test_lax_json_is_read_with_comments_trailing_commas_and_raw_control_characters() -> None:
    lax = document(LAX)
    assert lax.value(()) == {"name": "single", "unquoted": 31, "list": [1, 2.5], "tab": "a\tb"}
    assert lax.settings[("list", 1)].line == 7
    spans = {path: LAX[s.span.start : s.span.end] for path, s in lax.settings.items()}
    assert spans[("name",)] == b"'single'"
    assert spans[("list", 1)] == b"2.50"


@pytest.mark.parametrize(
    ("path", "value", "old", "new"),
    [
        (("name",), 'it\'s "x"', b"'single'", b"'it\\'s \"x\"'"),
        (("unquoted",), True, b"0x1F", b"true"),
        (("list", 1), 3, b"2.50", b"3"),
        (("list", 0), None, b"1", b"null"),
        (("tab",), "c\nd", b'"a\tb"', b'"c\\nd"'),
    ],
)
def test_a_new_value_replaces_its_token_and_nothing_else(
    path: tuple[Any, ...], value: Any, old: bytes, new: bytes, set_in_place: SetInPlace
) -> None:
    start = document(LAX).settings[path].span.start
    assert set_in_place(document(LAX), path, value) == LAX[:start] + LAX[start:].replace(
        old, new, 1
    )


def test_the_last_of_duplicate_keys_counts_and_is_the_one_edited() -> None:
    twice = document('{"a": 1, "b": 2, "a": 3}')
    assert twice.value(("a",)) == 3
    assert [(problem.kind, problem.line) for problem in twice.problems] == [("duplicate_key", 1)]
    assert twice.set(("a",), 4) == b'{"a": 1, "b": 2, "a": 4}'
    with pytest.raises(EditRefused, match="still there"):
        twice.unset(("a",))


def test_integers_of_any_size_and_the_text_of_floats_elsewhere_stay() -> None:
    text = '{"big": 123456789012345678901234567890, "f": 1.50E+3, "x": 1}'
    assert document(text).value(("big",)) == 123456789012345678901234567890
    assert document(text).set(("x",), 2).decode() == text.replace('"x": 1', '"x": 2')


@pytest.mark.parametrize(
    ("text", "value", "expected"),
    [
        ('{"a": "\\u00e9", "b": "x"}', "ö", '{"a": "\\u00e9", "b": "\\u00f6"}'),
        ('{"a": "é", "b": "x"}', "ö", '{"a": "é", "b": "ö"}'),
        ('{"a": "1\\u003d1", "b": "x"}', "<b>", '{"a": "1\\u003d1", "b": "\\u003cb\\u003e"}'),
        ('{"a": "x\\/y", "b": "x"}', "a/b", '{"a": "x\\/y", "b": "a\\/b"}'),
    ],
)
def test_the_files_habit_of_escaping_is_kept(text: str, value: str, expected: str) -> None:
    assert document(text).set(("b",), value).decode() == expected


@pytest.mark.parametrize(
    ("text", "path", "value", "expected"),
    [
        ('{\n  "a": 1 // c\n}\n', ("b",), "x", '{\n  "a": 1, // c\n  "b": "x"\n}\n'),
        ('{\r\n\t"a": 1,\r\n}', ("b",), 2, '{\r\n\t"a": 1,\r\n\t"b": 2,\r\n}'),
        ('{"a":1}', ("b", "c"), True, '{"a":1, "b":{"c":true}}'),
        (
            '{\n  "a": {\n    "b": 1\n  }\n}',
            ("a", "n", "m"),
            [1],
            '{\n  "a": {\n    "b": 1,\n    "n": {\n      "m": [1]\n    }\n  }\n}',
        ),
        ('{\n    "a": {}\n}', ("a", "b"), 1, '{\n    "a": {\n        "b": 1\n    }\n}'),
        ('{"l": [1, 2]}', ("l", 2), 3, '{"l": [1, 2, 3]}'),
        ('{"l": [\n    "a"\n  ]}', ("l", 1), "b", '{"l": [\n    "a",\n    "b"\n  ]}'),
        ("", ("a",), 1, '{\n  "a": 1\n}\n'),
    ],
)
def test_a_missing_key_is_placed_behind_its_siblings_in_their_style(
    text: str, path: tuple[Any, ...], value: Any, expected: str
) -> None:
    assert document(text).insert(path, value).decode() == expected


@pytest.mark.parametrize(
    ("text", "path", "expected"),
    [
        ('{\n  "a": 1,\n  "b": 2 // c\n}\n', ("b",), '{\n  "a": 1\n}\n'),
        ('{\n  "a": 1,\n  // of b\n  "b": 2\n}\n', ("a",), '{\n  // of b\n  "b": 2\n}\n'),
        ('{"a": 1, "b": 2, "c": 3}', ("b",), '{"a": 1, "c": 3}'),
        ('{"a": 1, "b": 2}', ("b",), '{"a": 1}'),
        ('{ "a": 1 }', ("a",), "{  }"),
        ('["x", "y",]', (1,), '["x",]'),
    ],
)
def test_removing_a_key_takes_its_line_or_its_comma_with_it(
    text: str, path: tuple[Any, ...], expected: str
) -> None:
    assert document(text).unset(path).decode() == expected


@pytest.mark.parametrize(
    ("text", "new", "expected"),
    [
        ('{"l": [1, 2, 3]}', [1, 3], '{"l": [1, 3]}'),
        ('{"l": [1, 2]}', [0, 1, 2], '{"l": [0, 1, 2]}'),
        ('{"l": []}', ["a", "b"], '{"l": ["a", "b"]}'),
        (
            '{"l": [\n  "a", // first\n  "b" // last\n]}',
            ["a", "x", "y"],
            '{"l": [\n  "a", // first\n  "x", // last\n  "y"\n]}',
        ),
        ('{"l": [\n  "a",\n  "b"\n]}', [], '{"l": [\n]}'),
        ('{"l": [{"k": 1}, {"k": 2}]}', [{"k": 1}, {"k": 3}], '{"l": [{"k": 1}, {"k": 3}]}'),
    ],
)
def test_a_whole_list_changes_only_in_the_items_that_differ(
    text: str, new: list[Any], expected: str
) -> None:
    assert document(text).set(("l",), new).decode() == expected


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        (("nothing",), 1, "no such key: nothing"),
        (("m",), 1, "key by key"),
        (("a",), float("inf"), "infinity"),
        (("a",), "\ud800", "cannot be written as"),
        (("a",), b"bytes", "no way to write a bytes"),
    ],
)
def test_an_edit_that_cannot_be_made_is_refused_with_the_reason(
    path: tuple[Any, ...], value: Any, reason: str
) -> None:
    with pytest.raises(EditRefused, match=reason):
        document('{"a": 1, "m": {"x": 1}}').set(path, value)


@pytest.mark.parametrize(
    ("text", "line", "column", "reason"),
    [
        ('{"a": 1\n', 2, 1, "the file ends"),
        ('{"a" 1}', 1, 6, "expected :"),
        ('{"a": }', 1, 7, "expected a value"),
        ("[1 2]", 1, 4, "expected , or ]"),
        ("{}\n{}", 2, 1, "behind the end"),
        ('{"a": ' + "9" * 5000 + "}", 1, 7, "an integer of 5,000 digits"),
    ],
)
def test_broken_json_is_one_error_with_line_and_column(
    text: str, line: int, column: int, reason: str
) -> None:
    with pytest.raises(ConfigFileError, match=reason) as broken:
        document(text)
    assert (broken.value.line, broken.value.column) == (line, column)


def test_more_settings_than_the_bound_are_an_error() -> None:
    with pytest.raises(TooLargeError, match="more than 10 settings"):
        parse("a.json", b"[" + b"1," * 20 + b"1]", Limits(max_settings=10))


def test_undecodable_bytes_survive_an_edit_beside_them() -> None:
    data = b'{"a": "\xa7a", "b": 1}'
    broken = document(data)
    assert [problem.kind for problem in broken.problems] == ["undecodable_bytes"]
    assert broken.set(("b",), 2) == b'{"a": "\xa7a", "b": 2}'


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
)
TREES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text("abcdef. -\"é'", max_size=5), inner, max_size=4)
    ),
    max_leaves=15,
)


@given(TREES, st.sampled_from([None, 2, "\t"]), st.booleans(), SCALARS, st.data())
def test_any_value_of_any_document_can_be_set_and_set_back(
    tree: Any, indent: int | str | None, ascii_only: bool, value: Any, data: st.DataObject
) -> None:
    text = json.dumps(tree, indent=indent, ensure_ascii=ascii_only)
    written = document(text)
    assert json.dumps(written.value(())) == json.dumps(tree)
    scalars = [p for p, s in written.settings.items() if not isinstance(s.value, (dict, list))]
    if not scalars:
        return
    path = data.draw(st.sampled_from(scalars))
    edited = document(written.set(path, value))
    assert repr(edited.value(path)) == repr(value)
    back = edited.set(path, written.value(path))
    assert repr(document(back).value(())) == repr(tree)
    if not ascii_only:  # the only escape of a file shows its habit, and is gone for a moment
        assert back == text.encode()


@given(TREES, st.sampled_from([None, 2]), SCALARS, st.data())
def test_any_inserted_key_can_be_removed_again(
    tree: Any, indent: int | None, value: Any, data: st.DataObject
) -> None:
    written = document(json.dumps({"top": tree}, indent=indent))
    edited = document(written.insert(("new key",), value))
    assert repr(edited.value(("new key",))) == repr(value)
    assert edited.unset(("new key",)) == written.data
