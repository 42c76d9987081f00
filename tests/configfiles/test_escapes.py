"""A text that changes in one place keeps the way in which its other places are written."""

from __future__ import annotations

import pytest

from homeamp_agent.configfiles import Value, parse
from homeamp_agent.configfiles.escapes import with_kept_ends


@pytest.mark.parametrize(
    ("file", "before", "value", "after"),
    [
        ("a.json", r'{"a": "x/y \/z", "b": "/"}', "x/y /w", r'{"a": "x/y \/w", "b": "/"}'),
        ("a.json", r'{"a": "\u0041bc \u00e9"}', "Abd é", r'{"a": "\u0041bd \u00e9"}'),
        (
            "a.yml",
            'a: "\\u00A7aHi ✔ \\/ there"\n',
            "§aHo ✔ / there",
            'a: "\\u00A7aHo ✔ \\/ there"\n',
        ),
        ("a.yml", 'a: "\\abell"\n', "abell", 'a: "abell"\n'),
        ("a.toml", 'a = "\\u0041b c"\n', "Ab d", 'a = "\\u0041b d"\n'),
        ("a.toml", "a = '''C:\\new'''\n", "C:\\now", "a = '''C:\\now'''\n"),
        ("a.conf", r'a = "\u0041b c"', "Ab d", r'a = "\u0041b d"'),
        (
            "a.properties",
            "a=one,\\\n  two,\\\n  three\n",
            "one,2,three",
            "a=one,\\\n  2,\\\n  three\n",
        ),
        ("a.properties", "a=one,\\\n  two\n", "one,new two", "a=one,\\\n  new two\n"),
        ("a.properties", "a=one,\\\n  two\n", "one,o", "a=one,\\\n  o\n"),
        ("a.properties", "a=one\\\n  two\n", "one two", "a=one \\\n  two\n"),
        ("a.properties", "a=one\\\n  two\n", "one", "a=one\n"),
        ("a.properties", "b=\\u00A7\na=\u00e9\n", "\u00e9X", "b=\\u00A7\na=\u00e9X\n"),
        ("a.properties", "a=x\\\n", "yz", "a=yz"),
        ("a.properties", "a=http\\://x:1\n", "http://y:1", "a=http\\://y:1\n"),
        ("a.properties", "a=\\x41b\n", "A", "a=A\n"),
        ("a.properties", "a=\\x41b\n", "x41c", "a=x41c\n"),
    ],
)
def test_what_does_not_change_is_not_written_anew(
    file: str, before: str, value: Value, after: str
) -> None:
    assert parse(file, before.encode()).set(("a",), value).decode() == after


def test_a_token_that_ends_in_half_an_escape_is_left_as_it_was_to_be_written() -> None:
    assert with_kept_ends("x\\", "y") == "y"
    assert with_kept_ends("", "y") == "y"
