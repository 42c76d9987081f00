"""For generated files of every format: an edit is read back, the rest stays, and can be undone."""

from __future__ import annotations

import os
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from homeamp_agent.configfiles import Document, KeyPath, parse
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
EVERY_FORMAT = pytest.mark.parametrize("name", KINDS)


def unordered(value: Any) -> Any:
    """The value with sorted keys: some formats write tables behind plain keys."""
    if isinstance(value, dict):
        return {key: unordered(value[key]) for key in sorted(value)}
    return [unordered(item) for item in value] if isinstance(value, list) else value


def a_scalar(draw: st.DataObject, document: Document) -> KeyPath:
    """One of the document's settings; not an empty list or mapping."""
    scalars = [p for p, one in document.settings.items() if not isinstance(one.value, list | dict)]
    assume(scalars)
    return draw.draw(st.sampled_from(scalars))


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
    path = a_scalar(draw, document)
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
    path = a_scalar(draw, document)
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
