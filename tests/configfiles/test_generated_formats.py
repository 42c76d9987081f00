"""For generated files of every format: an edit is read back, the rest stays, and can be undone."""

from __future__ import annotations

import os
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from homeamp_agent.configfiles import Document, EditRefused, KeyPath, parse
from homeamp_agent.configfiles.proof import same
from tests.configfiles.generated import KINDS

# More examples than the suite has time for: HOMEAMP_EXAMPLES=2000 pytest -n auto THIS_FILE
CAREFULLY = settings(
    max_examples=int(os.environ.get("HOMEAMP_EXAMPLES", "20")),
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
FLAT = ("properties", "kvp")
EVERY_FORMAT = pytest.mark.parametrize("name", KINDS)


def unordered(value: Any) -> Any:
    """The value with sorted keys: some formats write tables behind plain keys."""
    if isinstance(value, dict):
        return {key: unordered(value[key]) for key in sorted(value)}
    return [unordered(item) for item in value] if isinstance(value, list) else value


def scalars_of(document: Document) -> list[KeyPath]:
    """The document's settings, at least one; no empty list or mapping."""
    found = [p for p, one in document.settings.items() if not isinstance(one.value, list | dict)]
    assume(found)
    return found


@EVERY_FORMAT
@CAREFULLY
@given(draw=st.data())
def test_a_file_reads_as_the_values_that_were_laid_out(name: str, draw: st.DataObject) -> None:
    kind = KINDS[name]
    data, tree = draw.draw(kind.documents)
    document = parse(kind.file, data)
    assert same(unordered(document.value(()) or {}), unordered(tree))
    for setting in document.settings.values():
        assert data[: setting.span.start].count(b"\n") + 1 == setting.line
    assert not document.problems


@EVERY_FORMAT
@CAREFULLY
@given(draw=st.data())
def test_a_set_value_reads_back_and_every_other_byte_and_setting_stays(
    name: str, draw: st.DataObject
) -> None:
    kind = KINDS[name]
    data, _ = draw.draw(kind.documents)
    document = parse(kind.file, data)
    path = draw.draw(st.sampled_from(scalars_of(document)))
    setting = document.settings[path]
    value = draw.draw(kind.values(setting))
    after = document.set(path, value)
    assert after.startswith(data[: setting.span.start])
    assert after.endswith(data[setting.span.end :])
    edited = parse(kind.file, after)
    assert same(edited.value(path), value)
    others = [[key, one.value] for key, one in document.settings.items() if key != path]
    now = [[key, one.value] for key, one in edited.settings.items() if key != path]
    assert same(others, now)


@EVERY_FORMAT
@CAREFULLY
@given(draw=st.data())
def test_setting_back_gives_the_original_bytes(name: str, draw: st.DataObject) -> None:
    kind = KINDS[name]
    data, _ = draw.draw(kind.usual_documents)
    document = parse(kind.file, data)
    path = draw.draw(st.sampled_from(scalars_of(document)))
    old = document.value(path)
    others = {
        bool: st.just(not old),
        int: st.integers(-(2**31), 2**31),
        float: st.floats(-1e9, 1e9),
        str: st.text("mnop", min_size=1, max_size=6),
    }
    assume(type(old) in others)
    there = parse(kind.file, document.set(path, draw.draw(others[type(old)])))
    assert there.set(path, old) == data


@EVERY_FORMAT
@CAREFULLY
@given(draw=st.data())
def test_an_inserted_setting_is_there_and_removing_it_gives_the_original(
    name: str, draw: st.DataObject
) -> None:
    kind = KINDS[name]
    data, tree = draw.draw(kind.documents)
    document = parse(kind.file, data)
    parent = () if name in FLAT else draw.draw(st.sampled_from(places(tree, dict)))
    path: KeyPath = (*parent, draw.draw(kind.keys))
    alone = name not in FLAT and draw.draw(st.integers(0, 3)) == 0
    if alone or (name == "ini" and not parent):
        assume(name != "ini" or not parent)
        path = (*path, "new")  # with the parent that it needs
    assume(not has(document, path[: len(parent) + 1]))
    value = draw.draw(kind.new_values)
    there = parse(kind.file, document.insert(path, value))
    assert same(there.value(path), value)
    back = there.unset(path)
    siblings = document.value(parent) if parent else tree
    if siblings and len(path) == len(parent) + 1:
        # TOML's first key above all tables brings a blank line, HOCON's neighbour may get a comma.
        blur = b" \r\n," if name in ("toml", "hocon") else b""
        assert back.translate(None, blur) == data.translate(None, blur)


@EVERY_FORMAT
@CAREFULLY
@given(draw=st.data())
def test_a_removal_only_takes_bytes_away(name: str, draw: st.DataObject) -> None:
    kind = KINDS[name]
    data, tree = draw.draw(kind.documents)
    document = parse(kind.file, data)
    known = [path for path in (*places(tree, dict), *document.settings) if path]
    assume(known)
    path = draw.draw(st.sampled_from(known))
    try:
        after = document.unset(path)
    except EditRefused as refusal:
        assert name in ("toml", "hocon", "forge_cfg")
        assert re.search("in several places|as a whole|would look like ini", str(refusal))
        return
    left = iter(data)
    assert all(byte in left for byte in after)
    assert not has(parse(kind.file, after), path) or isinstance(path[-1], int)


@pytest.mark.parametrize("name", ["json", "json5", "toml", "hocon", "forge_cfg"])
@CAREFULLY
@given(draw=st.data())
def test_a_list_takes_a_new_value_as_a_whole(name: str, draw: st.DataObject) -> None:
    kind = KINDS[name]
    data, tree = draw.draw(kind.documents)
    document = parse(kind.file, data)
    lists = places(tree, list)
    assume(lists)
    path = draw.draw(st.sampled_from(lists))
    new = list(document.value(path))
    items = kind.values(document.settings[(*path, 0)]) if scalars(new) else kind.new_items
    for _ in range(draw.draw(st.integers(1, 3))):
        at = draw.draw(st.integers(0, len(new)))
        new[at : at + draw.draw(st.integers(0, 1))] = draw.draw(st.lists(items, max_size=2))
    try:
        after = document.set(path, new)
    except EditRefused as refusal:
        told = "comments|table|is not there after the edit"
        assert re.search(told, str(refusal))
        return
    assert same(parse(kind.file, after).value(path), new)


def places(tree: Any, kind: type, path: KeyPath = ()) -> list[KeyPath]:
    """The paths of all mappings, or all lists, in a tree."""
    found = [path] if isinstance(tree, kind) else []
    below: list[tuple[Any, Any]] = list(tree.items()) if isinstance(tree, dict) else []
    below += enumerate(tree) if isinstance(tree, list) else []
    return [*found, *(one for key, value in below for one in places(value, kind, (*path, key)))]


def has(document: Document, path: KeyPath) -> bool:
    try:
        document.value(path)
    except KeyError:
        return False
    return True


def scalars(items: list[Any]) -> bool:
    return bool(items) and not any(isinstance(item, list | dict) for item in items)
