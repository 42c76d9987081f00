"""Java .properties: what is read, and what an edit leaves alone."""

from __future__ import annotations

import pytest

from homeamp_agent.configfiles import ConfigFileError, Document, EditRefused, parse
from tests.configfiles.conftest import SetInPlace


def properties(text: str | bytes) -> Document:
    return parse("f.properties", text.encode() if isinstance(text, str) else text)


def line_of(data: bytes, key: bytes) -> bytes:
    return next(line for line in data.splitlines() if line.startswith(key))


@pytest.mark.parametrize(
    ("line", "key", "value"),
    [
        ("max-players=20", "max-players", "20"),
        ("motd : Hello", "motd", "Hello"),
        ("motd Hello there", "motd", "Hello there"),
        ("a\\:b\\=c=x", "a:b=c", "x"),
        ("level-seed=", "level-seed", ""),
        ("alone", "alone", ""),
        ("trailing=x  ", "trailing", "x  "),
        ("m=\\u00a7aHi", "m", "§aHi"),
        ("path=C\\:\\\\srv", "path", "C:\\srv"),
        ("t=a\\tb", "t", "a\tb"),
        ("  indented = x", "indented", "x"),
        ("list=a,\\\n   b,\\\n   c", "list", "a,b,c"),
        ("pair=\\ud83d\\ude00", "pair", "😀"),
    ],
)
def test_a_line_reads_as_java_reads_it(line: str, key: str, value: str) -> None:
    assert properties(line + "\n").value((key,)) == value


def test_comments_and_blank_lines_are_no_settings() -> None:
    document = properties("#a=1\n\n  ! b=2\nc=3\n")
    assert list(document.settings) == [("c",)]


def test_the_last_of_two_equal_keys_counts_and_the_other_is_told() -> None:
    document = properties("a=1\nb=2\na=3\n")
    assert document.value(("a",)) == "3"
    assert [(problem.kind, problem.line) for problem in document.problems] == [("duplicate_key", 3)]
    assert document.set(("a",), "4") == b"a=1\nb=2\na=4\n"


def test_a_broken_escape_is_told_with_its_place() -> None:
    with pytest.raises(ConfigFileError, match=r"2:3: .*four hexadecimal digits"):
        properties("a=1\nb=\\u12\n")


@pytest.mark.parametrize(
    "value", ["x", " lead", "tail ", "a=b:c#d!e", "l1\nl2", "§a", "", "\\", "😀"]
)
@pytest.mark.parametrize(
    "text",
    [
        "# c\r\na=1\r\nkey=old\r\nb=2\r\n",
        "key old\nb=1",
        "\ufeffkey:old\\\n  er\nb=1\n",
        "key\nb=1\n",
    ],
)
def test_only_the_value_changes(text: str, value: str, set_in_place: SetInPlace) -> None:
    set_in_place(properties(text), ("key",), value)


def test_punctuation_is_escaped_where_the_file_escapes_it() -> None:
    by_java = properties("#Sat Jan 06 10:00:00 UTC 2024\nurl=http\\://a/\nother=x\n")
    by_hand = properties("url=http://a/\nother=x\n")
    assert line_of(by_java.set(("other",), "http://b/"), b"other") == b"other=http\\://b/"
    assert line_of(by_hand.set(("other",), "http://b/"), b"other") == b"other=http://b/"


def test_unicode_is_escaped_unless_the_file_writes_it_raw() -> None:
    assert properties("a=x\nb=\\u00e9\n").set(("a",), "é") == b"a=\\u00e9\nb=\\u00e9\n"
    assert properties("a=x\nb=é\n").set(("a",), "ü") == "a=ü\nb=é\n".encode()


def test_a_latin_1_file_gets_no_raw_byte_that_it_does_not_show_already() -> None:
    document = properties("motd=Men\xfc\nother=x\n".encode("latin-1"))
    assert document.value(("motd",)) == "Menü"
    assert document.set(("other",), "ü") == b"motd=Men\xfc\nother=\xfc\n"
    assert document.set(("other",), "§6") == b"motd=Men\xfc\nother=\\u00A76\n"


def test_a_setting_is_removed_with_its_continuation_lines_only() -> None:
    document = properties("a=1\nlist=x,\\\n  y\n# about b\nb=2\n")
    assert document.unset(("list",)) == b"a=1\n# about b\nb=2\n"


def test_a_missing_setting_goes_to_the_end_in_the_habit_of_the_file() -> None:
    assert properties("a = 1\nb = 2\n").insert(("c",), "3") == b"a = 1\nb = 2\nc = 3\n"
    assert properties("a=1\r\nb=2").insert(("c",), "3") == b"a=1\r\nb=2\r\nc=3"
    assert properties("").insert(("c d",), "3") == b"c\\ d=3\n"


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (lambda document: document.set(("nope",), "1"), "no such key"),
        (lambda document: document.unset(("nope",)), "no such key"),
        (lambda document: document.insert(("a",), "1"), "exists already"),
        (lambda document: document.insert(("a", "b"), "1"), "holds a value"),
        (lambda document: document.set(("a",), ["1"]), "no way to write a list"),
    ],
)
def test_what_cannot_be_done_is_refused_with_the_reason(edit: object, reason: str) -> None:
    assert callable(edit)
    with pytest.raises(EditRefused, match=reason):
        edit(properties("a=1\n"))
