"""No edit leaves the engine that changes anything but the one setting."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from homeamp_agent.configfiles import Document, EditRefused, KeyPath, Value, parse
from homeamp_agent.configfiles.proof import ABSENT, Operation, prove, same


@pytest.mark.parametrize(
    ("left", "right", "equal"),
    [
        (1, 1, True),
        (1, 1.0, False),
        (1, True, False),
        (1, "1", False),
        (math.nan, math.nan, True),
        (0.0, -0.0, False),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, False),
        ({1: "x"}, {True: "x"}, False),
        ([1, [2]], [1, [2]], True),
        ([1, [2]], [1, (2,)], False),
        (None, {}, False),
    ],
)
def test_values_are_the_same_only_in_type_and_order(left: Value, right: Value, equal: bool) -> None:
    assert same(left, right) is equal


@pytest.mark.parametrize(
    ("before", "after", "operation", "path", "value"),
    [
        ("a: 1\nb: 2\n", "a: 9\nb: 2\n", "set", ("a",), 9),
        ("a: .nan\nb: 2\n", "a: .nan\nb: x\n", "set", ("b",), "x"),
        ("a: 1\nb: 2\n", "b: 2\n", "unset", ("a",), ABSENT),
        ("a: 1\n", "", "unset", ("a",), ABSENT),
        ("a: {b: 1}\n", "a: {}\n", "unset", ("a", "b"), ABSENT),
        ("a: [x, y]\n", "a: [y]\n", "unset", ("a", 0), ABSENT),
        ("a: [x]\n", "a: [x, y]\n", "insert", ("a", 1), "y"),
        ("a:\n", "a:\n  b:\n    c: 1\n", "insert", ("a", "b", "c"), 1),
        ("", "a: 1\n", "insert", ("a",), 1),
        ("a: [1, 2]\n", "a: [3]\n", "set", ("a",), [3]),
    ],
)
def test_an_edit_that_does_what_it_says_is_passed_on(
    before: str, after: str, operation: Operation, path: KeyPath, value: Value
) -> None:
    document = parse("f.yml", before.encode())
    proven = prove(document, after.encode(), operation=operation, path=path, value=value)
    assert proven == after.encode()


@pytest.mark.parametrize(
    ("before", "after", "operation", "path", "value", "reason"),
    [
        ("a: 1\nb: 2\n", "a: 9\nb: 3\n", "set", ("a",), 9, "would change b"),
        ("a: 1\nb: 2\n", "a: 9\n", "set", ("a",), 9, "other keys"),
        ("a: 1\nb: 2\n", "b: 2\na: 9\nc: 1\n", "set", ("a",), 9, "other keys"),
        ("a: x\n", "a: yes\n", "set", ("a",), "yes", "reads back as a value of type bool"),
        ("a: x\n", "a: y\n", "set", ("a",), "z", "does not read back the same"),
        ("a: 1\n", "a: [\n", "set", ("a",), 2, "could not be read"),
        ("a: {b: 1}\n", "a: [1]\n", "set", ("a", "b"), 1, "would change what a is"),
        ("a: 1\n", "a: 1\n", "unset", ("a",), ABSENT, "still there"),
        ("a: {b: 1, c: 2}\n", "x: 1\n", "unset", ("a", "b"), ABSENT, "other keys"),
        ("a: {b: 1, c: 2}\nx: 1\n", "x: 1\n", "unset", ("a", "b"), ABSENT, "as a whole"),
        ("a: [x, y]\n", "a: [x]\n", "unset", ("a", 0), ABSENT, "other items"),
        ("a: 1\n", "a: 1\n", "insert", ("b",), 1, "not there"),
        ("a: 1\n", "a: 1\nb: {c: 1, d: 2}\n", "insert", ("b", "c"), 1, "not there"),
        ("a: 1\n", "a: 1\na: 2\n", "set", ("a",), 2, "set again"),
        ("1: x\n", "true: x\n", "set", (1,), "x", "other keys"),
    ],
)
def test_an_edit_that_does_anything_else_is_refused(
    before: str, after: str, operation: Operation, path: KeyPath, value: Value, reason: str
) -> None:
    document = parse("f.yml", before.encode())
    with pytest.raises(EditRefused, match=reason):
        prove(document, after.encode(), operation=operation, path=path, value=value)


@pytest.mark.parametrize(
    ("file", "data", "edit"),
    [
        ("f.cfg", b"'a: 1\nb:\n  - 'y'\nc: |\n  t\nd: 1\n", lambda d: d.set((), "")),
        ("f.conf", b"A.B=1\n", lambda d: d.unset(("A.B",))),
    ],
)
def test_an_edit_after_which_the_content_tells_another_format_is_refused(
    file: str, data: bytes, edit: Callable[[Document], bytes]
) -> None:
    with pytest.raises(EditRefused, match="would look like"):
        edit(parse(file, data))
