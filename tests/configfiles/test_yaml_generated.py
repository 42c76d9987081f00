"""For generated YAML: an edit is read back, the rest is as it was, and it can be undone."""

from __future__ import annotations

import re
from typing import Any

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from homeamp_agent.configfiles import EditRefused, parse
from homeamp_agent.configfiles.proof import same

CAREFULLY = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)

TEXT = st.text(
    st.characters(exclude_categories=("Cs", "Cn"), exclude_characters="\x00"), max_size=12
) | st.sampled_from(
    ["yes", "1e3", "0123", "12:30", "null", "&a", "%x", "a: b", " x", "x #y", "l1\nl2\n", "=", "-"]
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT
KEYS = st.text("abcXYZ.: é1", min_size=1, max_size=6) | st.integers(2, 99)
TREES = st.dictionaries(
    KEYS,
    st.recursive(
        SCALARS,
        lambda below: st.lists(below, max_size=4) | st.dictionaries(KEYS, below, max_size=4),
        max_leaves=12,
    ),
    min_size=1,
    max_size=5,
)


TAG_BEFORE = re.compile(rb"![^ ]* $")
"""A tag goes if the new value is of another type."""


@st.composite
def documents(draw: st.DrawFn) -> bytes:
    """A tree dumped in one of many layouts."""
    text = yaml.dump(
        draw(TREES),
        Dumper=yaml.SafeDumper,
        default_flow_style=draw(st.sampled_from([True, False, None])),
        default_style=draw(st.sampled_from([None, None, "'", '"', "|"])),
        allow_unicode=draw(st.booleans()),
        indent=draw(st.sampled_from([2, 4])),
        width=draw(st.sampled_from([20, 80, 10_000])),
        sort_keys=False,
        explicit_start=draw(st.booleans()),
    )
    lines = text.splitlines(keepends=True)
    if draw(st.booleans()):
        lines.insert(0, "# Kommentar é\n")
    text = "".join(lines)
    if draw(st.booleans()):
        text = text.replace("\n", "\r\n")
    return text.encode("utf-8-sig" if draw(st.booleans()) else "utf-8")


@CAREFULLY
@given(data=documents(), pick=st.integers(0, 1_000), value=SCALARS)
def test_a_set_value_is_read_back_and_setting_it_back_restores_every_other_setting(
    data: bytes, pick: int, value: Any
) -> None:
    document = parse("f.yml", data)
    path = list(document.settings)[pick % len(document.settings)]
    setting = document.settings[path]
    try:
        after = document.set(path, value)
    except EditRefused as refusal:
        assert "shared" in str(refusal)
        return
    edited = parse("f.yml", after)
    assert same(edited.value(path), value)
    unchanged = {key: one.value for key, one in document.settings.items() if key != path}
    now = {key: one.value for key, one in edited.settings.items() if key != path}
    assert same(list(unchanged.items()), list(now.items()))
    if not TAG_BEFORE.search(data[: setting.span.start]):
        assert after.startswith(data[: setting.span.start])
    assert after.endswith(data[setting.span.end :])


@CAREFULLY
@given(data=documents(), pick=st.integers(0, 1_000), value=SCALARS)
def test_setting_back_gives_the_original_bytes(data: bytes, pick: int, value: Any) -> None:
    """For values whose text has one usual way to be written."""
    document = parse("f.yml", data)
    usual = [
        path
        for path, setting in document.settings.items()
        if setting.value is True or (type(setting.value) is str and setting.value.isalpha())
    ]
    usual = [path for path in usual if document.settings[path].style in ("plain", "single")]
    if not usual:
        return
    path = usual[pick % len(usual)]
    if type(value) is not type(document.value(path)) or document.value(path) is True:
        value = False if document.value(path) is True else "other"
    elif not str(value).isalpha():
        value = "other"
    there = parse("f.yml", document.set(path, value))
    assert there.set(path, document.value(path)) == data


@CAREFULLY
@given(data=documents(), pick=st.integers(0, 1_000))
def test_every_place_is_that_of_the_token(data: bytes, pick: int) -> None:
    document = parse("f.yml", data)
    path = list(document.settings)[pick % len(document.settings)]
    setting = document.settings[path]
    token = data[setting.span.start : setting.span.end]
    if setting.style in ("plain", "single", "double"):
        tag = TAG_BEFORE.search(data[: setting.span.start])
        alone = b"t: " + (tag.group() if tag else b"") + token.replace(b"\n", b"\n ")
        assert same(parse("token.yml", alone).value(("t",)), setting.value)
    assert data[: setting.span.start].count(b"\n") + 1 == setting.line


@CAREFULLY
@given(
    data=documents(),
    pick=st.integers(0, 1_000),
    key=st.text("abcXYZ.:#& é1-", min_size=1, max_size=8),
    value=SCALARS | st.lists(SCALARS, min_size=1, max_size=3) | st.dictionaries(KEYS, SCALARS),
)
def test_an_inserted_setting_is_there_and_can_be_removed_again(
    data: bytes, pick: int, key: str, value: Any
) -> None:
    document = parse("f.yml", data)
    path = (*list(document.settings)[pick % len(document.settings)][:-1], key)
    try:
        after = parse("f.yml", document.insert(path, value))
    except EditRefused:
        return
    assert same(after.value(path), value)
    gone = parse("f.yml", after.unset(path))
    assert {k: repr(s.value) for k, s in gone.settings.items()} == {
        k: repr(s.value) for k, s in document.settings.items()
    }
