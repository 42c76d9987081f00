"""A file that no reader can read: one line may be changed, if there is exactly one."""

from __future__ import annotations

import pytest

from homeamp_agent.configfiles import (
    ConfigFileError,
    EditRefused,
    parse,
    propose_line_edit,
    verify_line_edit,
)

BROKEN = b"# c\r\nname: %x%\r\n  prefix: 'it''s'  # why\r\n<<<<<<< HEAD\r\nlist:\r\n- port = 5\r\n"
BROKEN += b"tag: [Hub] &7hi\r\ncode: &7Hi  # c\r\n"


def test_the_broken_file_cannot_be_read() -> None:
    with pytest.raises(ConfigFileError):
        parse("config.yml", BROKEN)


@pytest.mark.parametrize(
    ("key", "old", "new", "line", "after"),
    [
        ("name", "%x%", "Hub", 2, b"name: Hub\r\n"),
        ("name", "%x%", "%y%", 2, b"name: '%y%'\r\n"),
        ("prefix", "it's", "we're", 3, b"  prefix: 'we''re'  # why\r\n"),
        ("port", "5", "6", 6, b"- port = 6\r\n"),
        ("tag", "[Hub] &7hi", "[Hub] &8hi", 7, b"tag: '[Hub] &8hi'\r\n"),
        ("code", "&7Hi", "Hi", 8, b"code: Hi  # c\r\n"),
    ],
)
def test_a_line_found_once_is_changed_and_shown(
    key: str, old: str, new: str, line: int, after: bytes
) -> None:
    edit = propose_line_edit("config.yml", BROKEN, key, old, new)
    lines = BROKEN.splitlines(keepends=True)
    assert edit.line == line
    assert edit.data == b"".join((*lines[: line - 1], after, *lines[line:]))
    assert (edit.old_line.encode(), edit.new_line.encode()) == (
        lines[line - 1].rstrip(),
        after.rstrip(),
    )


@pytest.mark.parametrize(
    ("data", "key", "old", "new", "reason"),
    [
        (b"a: 1\nb: [\n  a: 1\n", "a", "1", "2", "stands in 2 lines"),
        (b"#a: 1\nb: [\n", "a", "1", "2", "no line"),
        (b"a: 3\nb: [\n", "a", "1", "2", "does not hold the expected value"),
        (b"a: 10\nb: [\n", "a", "1", "2", "does not hold the expected value"),
        (b"a: 1\nb: [\n", "a", "1", "2\n3", "does not fit on one line"),
        (b"a: 1\nb: [\n", "", "1", "2", "no key"),
        (b"xa: 1\na-b: 1\nb: [\n", "a", "1", "2", "no line"),
        (b"a: |\n  t\nb: [\n", "a", "|", "x", "no simple one"),
        (b"a: [1, 2]\nb: [\n", "a", "[1, 2]", "[1]", "no simple one"),
        (b"a: {\nb: [\n", "a", "{", "2", "no simple one"),
        (b"a: one\n  two\nb: [\n", "a", "one", "x", "may go on in the next line"),
        (b"a: 'one\n  two'\nb: [\n", "a", "'one", "x", "does not hold the expected value"),
        (b"a: 1, # c\nb: [\n", "a", "1", "2", "does not hold the expected value"),
        (b"a: 1\n" * 7 + b"b: [\n", "a", "1", "2", r"7 lines \(1, 2, 3, 4, 5, ...\)"),
    ],
)
def test_any_doubt_refuses(data: bytes, key: str, old: str, new: str, reason: str) -> None:
    with pytest.raises(EditRefused, match=reason):
        propose_line_edit("config.yml", data, key, old, new)


def test_bytes_that_are_no_text_survive() -> None:
    edit = propose_line_edit("f.yml", b"x: \xa7a\na: 1\nb: [", "a", "1", "2")
    assert edit.data == b"x: \xa7a\na: 2\nb: ["


@pytest.mark.parametrize(
    ("file", "data", "old", "new", "after"),
    [
        ("f.json", b'{\n  "a": 1, // c\n  "b": [\n', "1", "2", b'{\n  "a": 2, // c\n  "b": [\n'),
        ("f.json", b'{\n  "a":"x",\n  "b": [\n', "x", 'y"', b'{\n  "a":"y\\"",\n  "b": [\n'),
        ("f.json", b'{\n  "a": true\n  "b": [\n', "true", "x", b'{\n  "a": "x"\n  "b": [\n'),
        ("f.toml", b"a = 'x'\nb = [", "x", "it's", b'a = "it\'s"\nb = ['),
        ("f.toml", b"a = 1 # c\nb = [", "1", "text", b'a = "text" # c\nb = ['),
        ("f.conf", b"a = x\nb {\n c = 1 }}\n", "x", "y z", b'a = "y z"\nb {\n c = 1 }}\n'),
        ("f.cfg", b"# Configuration file\nq {\n B:a=true\n", "true", "false",
         b"# Configuration file\nq {\n B:a=false\n"),
        ("f.properties", b"a=x'y\nb=\\u12\n", "x'y", '"z', b'a="z\nb=\\u12\n'),
    ],
)  # fmt: skip
def test_the_new_value_is_quoted_as_the_format_of_the_name_needs_it(
    file: str, data: bytes, old: str, new: str, after: bytes
) -> None:
    with pytest.raises(ConfigFileError):
        parse(file, data)
    assert propose_line_edit(file, data, "a", old, new).data == after


@pytest.mark.parametrize(
    ("file", "data", "after"),
    [
        ("f.yml", b"a: x\nb: [\n", b"a: '12:30'\nb: [\n"),
        ("f.toml", b"a = 'x'\nb = [\n", b"a = '12:30'\nb = [\n"),
    ],
)
def test_a_new_text_that_would_read_as_a_number_gets_quotes(
    file: str, data: bytes, after: bytes
) -> None:
    assert propose_line_edit(file, data, "a", "x", "12:30", is_text=True).data == after


@pytest.mark.parametrize(
    ("file", "data", "found", "after"),
    [
        ("f.yml", b"a: %x% b#c # why\n", "%x% b#c", b"a: y # why\n"),
        ("f.yml", b'a: "open # text\nb: 1\n', '"open # text', b'a: "y"\nb: 1\n'),
        ("f.yml", b"a: 'it''s'  # why\nb: [\n", "it's", b"a: 'y'  # why\nb: [\n"),
        ("f.json", b'{\n "a": nope, // why\n', "nope", b'{\n "a": "y", // why\n'),
        ("f.json", b'{\n "a": "open\n}\n', '"open', b'{\n "a": "y"\n}\n'),
        ("f.toml", b"a = what # why\n", "what", b'a = "y" # why\n'),
        ("f.properties", b"a=x # no comment\nb=\\u12\n", "x # no comment", b"a=y\nb=\\u12\n"),
    ],
)
def test_without_an_old_value_whatever_stands_there_is_replaced(
    file: str, data: bytes, found: str, after: bytes
) -> None:
    edit = propose_line_edit(file, data, "a", None, "y", is_text=True)
    assert (edit.old_text, edit.data) == (found, after)
    verify_line_edit(edit, data, edit.data)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b'a: "open\n  goes on"\n', "quote is not closed"),
        (b"a:\n  b: 1\n", "does not hold a value"),
        (b"a: # why\nb: [\n", "does not hold a value"),
        (b"a: |\n  b\nc: [\n", "no simple one"),
    ],
)
def test_what_is_no_value_on_one_line_is_not_replaced(data: bytes, reason: str) -> None:
    with pytest.raises(EditRefused, match=reason):
        propose_line_edit("f.yml", data, "a", None, "y")


DEEP = b"top:\n# c\n  list:\n  - id: 1\n    port: %a\n  other:\n      far: %b\nlast: %c\n"


@pytest.mark.parametrize(
    ("key", "parents", "stands"),
    [
        ("port", ("top", "list"), True),
        ("id", ("top", "list"), True),
        ("far", ("top", "other"), True),
        ("last", (), True),
        ("port", ("top",), False),
        ("far", ("other",), False),
        ("last", ("top",), False),
        ("far", ("top", "list"), False),
    ],
)
def test_the_keys_above_are_told_by_the_indentation(
    key: str, parents: tuple[str, ...], stands: bool
) -> None:
    if stands:
        assert propose_line_edit("f.yml", DEEP, key, None, "y", parents=parents).key == key
        return
    with pytest.raises(EditRefused, match="not where the setting is"):
        propose_line_edit("f.yml", DEEP, key, None, "y", parents=parents)


def test_bytes_that_are_not_those_of_the_proposal_are_no_line_edit() -> None:
    before = b"a: %x\nb: 1\n"
    edit = propose_line_edit("f.yml", before, "a", None, "y")
    for other in (before, edit.data + b"\n", edit.data.replace(b"b: 1", b"b: 2")):
        with pytest.raises(EditRefused, match="not those that were planned"):
            verify_line_edit(edit, before, other)
    with pytest.raises(EditRefused, match="more than line 1"):
        verify_line_edit(edit, b"a: %x\nb: 2\n", edit.data)
