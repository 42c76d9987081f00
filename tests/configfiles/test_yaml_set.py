"""Setting a YAML value changes the bytes of that value, and nothing else."""

from __future__ import annotations

import pytest

from homeamp_agent.configfiles import EditRefused, KeyPath, Value, parse


def edited(text: str | bytes, path: KeyPath, value: Value) -> str | bytes:
    data = text.encode() if isinstance(text, str) else text
    after = parse("config.yml", data).set(path, value)
    return after.decode() if isinstance(text, str) else after


@pytest.mark.parametrize(
    ("before", "value", "after"),
    [
        ("a: 1 # why\n", 2, "a: 2 # why\n"),
        ("a: plain\n", "other words", "a: other words\n"),
        ("a: 'x'\n", "it's", "a: 'it''s'\n"),
        ('a: "x"\n', 'say "hi"\n', 'a: "say \\"hi\\"\\n"\n'),
        ("a: 'x'\n", "bell\x07", 'a: "bell\\x07"\n'),
        ("a: on\n", False, "a: off\n"),
        ("a: TRUE\n", False, "a: FALSE\n"),
        ("a:\n", "x", "a: x\n"),
        ("a:   # later\n", 5, "a: 5   # later\n"),
        ("a: ~\n", "x", "a: x\n"),
        ("a: &k x\n", "y", "a: &k y\n"),
        ("a: !!str &k 5\n", "6", "a: !!str &k '6'\n"),
        ("a: !!str 5\n", 6, "a: 6\n"),
        ("a: !custom x\n", "y", "a: !custom y\n"),
        ("a: !!binary aGk=\n", "aG8=", "a: !!binary aG8=\n"),
        ("a: one\n  two\n  three # c\n", "x", "a: x # c\n"),
        ('a: "one \\\n  two"\n', "x", 'a: "x"\n'),
        ("a: |\n  one\n  two\nb: 1\n", "x\ny\n", "a: |\n  x\n  y\nb: 1\n"),
        ("a: | # c\n    one\n\nb: 1\n", "x", "a: |- # c\n    x\n\nb: 1\n"),
        ("a: >\n  one\n  two\n", "p\nq\n", "a: >\n  p\n\n  q\n"),
        ("a: |+\n  one\n\n\nb: 1\n", "x\n", "a: |\n  x\nb: 1\n"),
        ("a: |+\n  one\n\n\nb: 1\n", "x\n\n\n", "a: |+\n  x\n\n\nb: 1\n"),
        ("a: |\n  p\n   \n  q\n", "p\n \nr\n", "a: |\n  p\n   \n  r\n"),
        ("a: |\r\n  p\r\n  q\r\n  r\r\n", "p\nx\ny\nr\n", "a: |\r\n  p\r\n  x\r\n  y\r\n  r\r\n"),
        ("a: |-\n  p\n  q\n  r\nb: 1\n", "p\nr", "a: |-\n  p\n  r\nb: 1\n"),
        ("a: |-\n  p\n  r\nb: 1\n", "p\nq\nr", "a: |-\n  p\n  q\n  r\nb: 1\n"),
        ("a: |-\n  p\n  \n  r", "p\n\nq", "a: |-\n  p\n  \n  q"),
        ("a: |\n  one\nb: 1\n", 5, "a: 5\nb: 1\n"),
        ("a: [1, 'b',\n  c]\n", [1, "b", "d"], "a: [1, 'b',\n  d]\n"),
        ("a: 2024-01-02\n", "2025-03-04", "a: 2025-03-04\n"),
        ("a: 1.5\n", 2.25, "a: 2.25\n"),
        ("a: 1.5\n", 1e20, "a: 100000000000000000000.0\n"),
        ("a: 1.5\n", 1e40, "a: 1.0e+40\n"),
        ("a: 4.50 # gold\n", 12.0, "a: 12.00 # gold\n"),
        ("a: 4.50\n", 0.125, "a: 0.125\n"),
        ("a: .5\n", -0.75, "a: -.75\n"),
        ("a: .5\n", 10.5, "a: 10.5\n"),
        ("a: x  # c\nb:\n", None, "a:  # c\nb:\n"),
        ("a: 'x'\nb: ~\n", None, "a: null\nb: ~\n"),
        ("a: {k: x}\nb:\n", None, "a: null\nb:\n"),
        ("a: &aFoo\n", "&bBar", "a: '&bBar'\n"),
        ("a: &7Hi there\n", "&7Hello", "a: '&7Hello'\n"),
        ("a: x", "y", "a: y"),
        ("a: 1.0E8\n", 2.5e8, "a: 2.5E8\n"),
        ("a: 1.5e+3\n", 1e-7, "a: 1.0e-7\n"),
        ("a: 1.0e-05\n", 2.5, "a: 2.5e+00\n"),
        ("a: 1.0e-05\n", 0.0, "a: 0.0e+00\n"),
        ("a: 1.0e+300\n", 2.5, "a: 2.5\n"),
        ("a: .5\n", -2.5e-7, "a: -.00000025\n"),
        ('a: "\\u00A7aHi"\n', "§bHö", 'a: "\\u00A7bH\\u00F6"\n'),
        ('a: "\\xa7aHi"\n', "§b\u2588", 'a: "\\xa7b\\u2588"\n'),
        ("a: one two\n  three four\n", "one two\u0020three 4", "a: one two\n  three 4\n"),
        ("a: 'it''s one\n  long line'\n", "it's a long line", "a: 'it''s a\n  long line'\n"),
        ('a: "say \\"x\n  y\\" now"\n', 'say "x z" now', 'a: "say \\"x\n  z\\" now"\n'),
        ("a: >\n  one two\n  three\nb: 1\n", "one two 3\n", "a: >\n  one two\n  3\nb: 1\n"),
        ("a: x   \r\nb: 1\r\n", "y", "a: y   \r\nb: 1\r\n"),
        ("a: 'it''s\n  long\n\n  text'\n", "it's long\nword", "a: 'it''s\n  long\n\n  word'\n"),
        ("a: 'one\n  long\n\n  text'\n", "one\ntext", "a: 'one\n\n  text'\n"),
        ("a: one two\n  three\n", "one three", "a: one\n  three\n"),
        ("a: one\r\n  two\r\n", "one\nnew two", "a: one\r\n\r\n  new\r\n  two\r\n"),
        ('a: "x \\\n  y\\n\\tz\n  w"\n', "x y\n\tq w", 'a: "x \\\n  y\\n\\tq\n  w"\n'),
        ('a: "x\\\\\n  y"\n', "x\\ z", 'a: "x\\\\\n  z"\n'),
        (
            "a: >\n  one\n  two\n\n  three\n\nb: 1\n",
            "one 2\nthree\n",
            "a: >\n  one\n  2\n\n  three\n\nb: 1\n",
        ),
    ],
)
def test_a_value_is_written_in_the_style_of_the_old_one(
    before: str, value: Value, after: str
) -> None:
    assert edited(before, ("a",), value) == after


@pytest.mark.parametrize(
    "text",
    (
        *("yes", "1e3", "1.0E8", "0123", "12:30", "12:30:00", "2024-01-02", "1_000", "null", "~"),
        *("=", "<<", "%x", "&aHi", "*x", "!x", "@x", "`x", "a: b", "a #b", "a:", " a", "a ", "- a"),
        *("", "[a", "{a", "]", "#c", "|", ">", "'q", '"q', "---", "...", ".inf", "0x1F", "+5"),
        *("? a", "a\tb"),
    ),
)
@pytest.mark.parametrize("before", ["k: [x, a]\na: old\n", "k: 1\na: 5\n", "a: ~\n"])
def test_text_that_would_read_back_as_something_else_is_quoted(before: str, text: str) -> None:
    after = edited(before, ("a",), text)
    assert isinstance(after, str)
    assert after.splitlines()[-1] in (
        f"a: '{text.replace(chr(39), chr(39) * 2)}'",
        f'a: "{text}"',
        'a: "a\\tb"',
        "a: 'a\tb'",
    )


@pytest.mark.parametrize("text", ["a,b", "a]", "x: y", "-x", "{z", "yes", "a#b", "a?b"])
def test_text_in_brackets_is_quoted_where_brackets_need_it(text: str) -> None:
    after = edited("a: [one, two]\n", ("a", 1), text)
    assert parse("config.yml", str(after).encode()).value(("a",)) == ["one", text]


def test_quotes_follow_the_habit_of_the_file() -> None:
    assert edited('a: "x"\nb: "y"\nc: z\n', ("c",), "yes") == 'a: "x"\nb: "y"\nc: "yes"\n'
    assert edited("a: 'x'\nb: 'y'\nc: z\n", ("c",), "yes") == "a: 'x'\nb: 'y'\nc: 'yes'\n"


def test_the_value_that_is_there_already_changes_nothing() -> None:
    assert edited("a:   'x'\n", ("a",), "x") == "a:   'x'\n"


def test_a_text_segment_finds_a_typed_key() -> None:
    assert edited("s:\n  true: x\n  7: y\n", ("s", "true"), "z") == "s:\n  true: z\n  7: y\n"
    assert edited("s:\n  true: x\n  7: y\n", ("s", "7"), "z") == "s:\n  true: x\n  7: z\n"


def test_the_effective_one_of_two_equal_keys_is_edited() -> None:
    assert edited("a: 1\na: 2\n", ("a",), 3) == "a: 1\na: 3\n"


def test_bytes_that_are_no_text_survive_an_edit_beside_them() -> None:
    data = b'\xef\xbb\xbfmotd: "\xa7aHi"\r\nport: 1\t\n\xc2\xa0# x\rlast: 2'
    data = data.replace(b"\xc2\xa0#", b"#")
    assert edited(data, ("port",), 2) == data.replace(b"port: 1", b"port: 2")
    motd = parse("config.yml", data).value(("motd",))
    assert edited(edited(data, ("motd",), "x"), ("motd",), motd) == data


def test_other_documents_of_the_file_stay() -> None:
    text = "%YAML 1.1\n--- # one\na: 1\n...\n---\na: [\n"
    assert edited(text, ("a",), 2) == text.replace("a: 1", "a: 2")


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        (("base", "x"), "shared"),
        (("use", "x"), "shared"),
        (("alias",), "shared"),
        (("value",), "shared"),
        (("nowhere",), "no such key"),
        (("list", 5), "no such key"),
    ],
)
def test_an_edit_of_a_shared_or_missing_value_is_refused_with_the_reason(
    path: KeyPath, reason: str
) -> None:
    text = "base: &b {x: 1, y: 2}\nuse:\n  <<: *b\n  y: 3\nvalue: &v 5\nalias: *v\nlist: [1]\n"
    with pytest.raises(EditRefused, match=reason):
        edited(text, path, 9)


def test_an_edit_of_an_override_is_made() -> None:
    text = "base: &b {x: 1, y: 2}\nuse:\n  <<: *b\n  y: 3\n"
    assert edited(text, ("use", "y"), 4) == text.replace("y: 3", "y: 4")


@pytest.mark.parametrize("value", [object(), b"bytes", {1.5: 2}, "\ud800"])
def test_a_value_that_yaml_has_no_word_for_is_refused(value: Value) -> None:
    with pytest.raises(EditRefused):
        edited("a: 1\n", ("a",), value)


def test_a_refusal_never_shows_the_value() -> None:
    with pytest.raises(EditRefused) as caught:
        edited("pw: &p hunter2\nb: *p\n", ("pw",), "secret99")
    assert "hunter2" not in str(caught.value)
    assert "secret99" not in str(caught.value)


@pytest.mark.parametrize(
    ("before", "value", "after"),
    [
        ("a:\n- x # c\n- y\nb: 1\n", ["x", "z", "y"], "a:\n- x # c\n- z\n- y\nb: 1\n"),
        ("a:\n  - x\n  # c\n  - y\n", ["y"], "a:\n  # c\n  - y\n"),
        ("a:\n  - 'x'\n  - y\n", ["w", "y", "yes"], "a:\n  - 'w'\n  - y\n  - 'yes'\n"),
        ("a:\n  - x\n  - y\nb: 1\n", [], "a: []\nb: 1\n"),
        ("a: [] # c\nb:\n  - x\n", ["y"], "a: # c\n  - y\nb:\n  - x\n"),
        ("a: [x, y]\n", ["x", "z", "y"], "a: [x, z, y]\n"),
        ("a: [x, y]\n", ["y"], "a: [y]\n"),
        ("a: []\nb: [x]\n", ["y"], "a: [y]\nb: [x]\n"),
        ("a:\n- 'x'\nb: [y]\nc: [z]\n", ["x", "p"], "a:\n- 'x'\n- 'p'\nb: [y]\nc: [z]\n"),
        ("a: [\n  x,\n  y\n]\n", ["x", "y", "z"], "a: [\n  x,\n  y,\n  z\n]\n"),
        ("a: [x]\n", [], "a: []\n"),
        ("a:\n- k: 1\n  l: 2\n- z\n", [{"k": 1, "l": 3}, "z"], "a:\n- k: 1\n  l: 3\n- z\n"),
        ("a:\r\n- x\r\nb: 1\r\n", ["x", "y"], "a:\r\n- x\r\n- y\r\nb: 1\r\n"),
        ("a:\n- x", ["x", "y"], "a:\n- x\n- y"),
        ("a: x # c\n", ["y"], "a: # c\n  - y\n"),
        ("a:\n  k: 1\n  l: x\n", {"k": 2, "l": "x"}, "a:\n  k: 2\n  l: x\n"),
        ("a:\n- x\n", "y", "a: y\n"),
        ("a: # c\n  - x\nb: 1\n", None, "a: # c\nb: 1\n"),
        ("a:\n  # why\n  - x\n  #- y\n  - z\nb: 1\n", [], "a: []\n  # why\n  #- y\nb: 1\n"),
        ("a:\n  k: |\n    x\n    # text\n  # c\n  l: 1\n", None, "a:\n  # c\n"),
    ],
)
def test_a_whole_list_changes_only_the_lines_that_differ(
    before: str, value: Value, after: str
) -> None:
    assert edited(before, ("a",), value) == after


def test_a_list_in_brackets_with_comments_is_not_laid_out_anew() -> None:
    with pytest.raises(EditRefused, match="comments"):
        edited("a: [x, # why\n  y]\n", ("a",), ["x", "y", "z"])


def test_a_binary_value_takes_no_plain_text() -> None:
    with pytest.raises(EditRefused, match="base64"):
        edited("a: !!binary aGk=\n", ("a",), "no such thing")


def test_a_mapping_with_aliases_is_not_written_anew() -> None:
    with pytest.raises(EditRefused, match="aliases"):
        edited("b: &b {x: 1}\na:\n  <<: *b\n  y: 2\n", ("a",), {"x": 1, "y": 2, "z": 3})


def test_a_mapping_with_comments_is_not_written_anew() -> None:
    with pytest.raises(EditRefused, match="comments"):
        edited("a:\n  k: 1 # c\n  l: 2\n", ("a",), {"other": 2})


@pytest.mark.parametrize(
    ("value", "after"),
    [
        (["a", "b", "x", "c"], "a: [\n  a, b, x,\n  c\n]\n"),
        (["x", "a", "b", "c"], "a: [\n  x, a, b,\n  c\n]\n"),
        (["a", "c"], "a: [\n  a,\n  c\n]\n"),
        (["a", "b", "c", "x"], "a: [\n  a, b,\n  c, x\n]\n"),
    ],
)
def test_a_list_in_brackets_over_lines_keeps_its_line_ends(value: Value, after: str) -> None:
    written = edited("a: [\n  a, b,\n  c\n]\n", ("a",), value)
    assert written == after
