"""Many values at once: the same as one after the other, with one proof."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from homeamp_agent.configfiles import EditRefused, KeyPath, parse
from homeamp_agent.configfiles.proof import same
from tests.configfiles.generated import KINDS
from tests.configfiles.test_generated_formats import (
    CAREFULLY,
    EVERY_FORMAT,
    FLAT,
    has,
    places,
    scalars_of,
)


@EVERY_FORMAT
@CAREFULLY
@given(draw=st.data())
def test_values_that_are_put_at_once_read_back_and_the_rest_stays(
    name: str, draw: st.DataObject
) -> None:
    kind = KINDS[name]
    data, tree = draw.draw(kind.documents)
    document = parse(kind.file, data)
    scalars = st.sampled_from(scalars_of(document))
    paths = draw.draw(st.lists(scalars, max_size=5, unique_by=repr))
    wished = {path: draw.draw(kind.values(document.settings[path])) for path in paths}
    parent = () if name in FLAT else draw.draw(st.sampled_from(places(tree, dict)))
    if name != "ini" or parent:
        for key in draw.draw(st.lists(kind.keys, max_size=3, unique=True)):
            if not has(document, (*parent, key)) and not any(p == parent for p in paths):
                wished[*parent, key] = draw.draw(kind.new_values)
    try:
        after = document.put_all(wished.items())
    except EditRefused:
        assume(False)  # one of them takes more than one attempt
        raise
    edited = parse(kind.file, after)
    for path, value in wished.items():
        assert same(edited.value(path), value)
    old = {repr(p): one.value for p, one in document.settings.items() if p not in wished}
    new = {repr(p): one.value for p, one in edited.settings.items()}
    gone = {each for each in old if each not in new}
    assert all(same(new[each], old[each]) for each in old if each in new)
    # A parent that was empty is a setting of its own until something stands in it.
    assert gone <= {repr(parent)}


@pytest.mark.parametrize(
    ("paths", "reason"),
    [
        ([("a",), ("a",)], "same place twice|something else|reads back|read after"),
        ([("list",), ("list", 0)], "same place twice|something else|reads back"),
        ([("a",), ("b", "no", "way")], "holds no|no place|something else|a value"),
        ([("shared",)], "shared"),
        ([("new", "x"), ("new", "y")], "something else|there|problem"),
    ],
)
def test_what_cannot_be_made_together_is_refused(paths: list[KeyPath], reason: str) -> None:
    data = b"a: 1\nb: 2\nlist:\n- 1\n- 2\nanchor: &x 5\nshared: *x\n"
    with pytest.raises(EditRefused, match=reason):
        parse("a.yml", data).put_all((path, 7) for path in paths)


def test_what_holds_its_value_already_is_no_edit() -> None:
    document = parse("a.yml", b"a: 1 # one\nb: 'x'\n")
    assert document.put_all([(("a",), 1), (("b",), "x")]) == document.data
    assert document.put_all([(("a",), 1), (("b",), "y")]) == b"a: 1 # one\nb: 'y'\n"


@pytest.mark.parametrize(
    ("file", "data", "after"),
    [
        ("a.json", b'{"a": 1, "b": {}}', b'{"a": 2, "b": {"d": 4}, "c": 3}'),
        ("a.toml", b"a = 1\n[b]\n", b"a = 2\nc = 3\n[b]\nd = 4\n"),
        ("a.yml", b"a: 1\nb: {}\n", b"a: 2\nb:\n  d: 4\nc: 3\n"),
        ("a.properties", b"a=1\n", b"a=2\nc=3\n"),
        ("a.cfg", b"b {\n    I:a=1\n}\n", b"b {\n    I:a=2\n    I:d=4\n}\n"),
    ],
)
def test_set_and_inserted_at_once(file: str, data: bytes, after: bytes) -> None:
    wishes: list[tuple[KeyPath, int]] = [(("a",), 2), (("b", "d"), 4), (("c",), 3)]
    if file == "a.properties":
        del wishes[1]
    if file == "a.cfg":
        wishes = [(("b", "a"), 2), (("b", "d"), 4)]
    assert parse(file, data).put_all(wishes) == after
