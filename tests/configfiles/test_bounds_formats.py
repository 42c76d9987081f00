"""Hostile files of every format: one clear error with its place, no crash, bounded time and memory.

YAML's own bombs are in test_bounds.py.
"""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from homeamp_agent.configfiles import ConfigFileError, Limits, TooLargeError, parse
from homeamp_agent.configfiles.sniff import format_of

DEEP = 100_000
FILES = {
    "yaml": "f.yml",
    "json": "f.json",
    "toml": "f.toml",
    "properties": "f.properties",
    "hocon": "f.hocon",
    "forge_cfg": "f.cfg",
    "kvp": "f.kvp",
    "ini": "f.ini",
}
EVERY_FILE = pytest.mark.parametrize("file", FILES.values(), ids=FILES.keys())
FORGE = b"# Configuration file\n\n"


@pytest.mark.parametrize(
    ("file", "data"),
    [
        ("f.json", b"[" * DEEP),
        ("f.json", b'{"a":' * DEEP),
        ("f.json", b"[" * DEEP + b"]" * DEEP),
        ("f.json5", b"{a:[" * DEEP),
        ("f.toml", b"a = " + b"[" * DEEP),
        ("f.toml", b"a = " + b"{b = " * DEEP),
        ("f.toml", b"a = " + b"[" * DEEP + b"]" * DEEP),
        ("f.toml", b"[" + b".".join([b"a"] * DEEP) + b"]\n"),
        ("f.toml", b".".join([b"a"] * DEEP) + b" = 1\n"),
        ("f.hocon", b"a {" * DEEP),
        ("f.hocon", b"a = " + b"[" * DEEP),
        ("f.hocon", b"a {\n" * DEEP + b"}\n" * DEEP),
        ("f.hocon", b".".join([b"a"] * DEEP) + b" = 1\n"),
        ("f.cfg", FORGE + b"a {\n" * DEEP),
        ("f.cfg", FORGE + b"a {\n" * DEEP + b"}\n" * DEEP),
    ],
)
def test_nesting_of_100_000_is_one_error_with_its_place(file: str, data: bytes) -> None:
    with pytest.raises(TooLargeError, match=rf"^{file}:\d+:\d+: nested deeper than 200 levels$"):
        parse(file, data)


@EVERY_FILE
@pytest.mark.parametrize(
    "data", [b"a = 1\n\x00\n", b"\x7fELF\x02\x01\x01\x00", bytes(range(256)), b"\xff\xfea\x00b"]
)
def test_a_binary_or_half_utf16_file_is_one_error_with_its_place(file: str, data: bytes) -> None:
    with pytest.raises(ConfigFileError, match=rf"^{file}:\d+:\d+: (a binary file|broken UTF-16)"):
        parse(file, data)


@EVERY_FILE
@pytest.mark.parametrize("data", [b"", b"\xef\xbb\xbf", b"\n\n", b"# nothing\n"])
def test_an_empty_file_has_no_settings_and_no_problem(file: str, data: bytes) -> None:
    document = parse(file, data)
    assert (dict(document.settings), document.problems) == ({}, ())


@pytest.mark.parametrize(
    ("file", "data"),
    [
        ("f.yml", b"a: [1,\nb: 'x"),
        ("f.json", b'{"a": [1, {"b": "x'),
        ("f.json", b'{"a": 1,\n'),
        ("f.toml", b"a = 1\n[b"),
        ("f.toml", b'a = [1, {b = "x'),
        ("f.toml", b'a = """x\n'),
        ("f.hocon", b'a { b = [1, {c = "x'),
        ("f.hocon", b"a = ${x"),
        ("f.cfg", FORGE + b"a {\n S:l <\n  x"),
        ("f.cfg", FORGE + b"a {\n"),
        ("f.properties", b"a = \\u00"),
    ],
)
def test_a_truncated_file_is_one_error_with_its_place(file: str, data: bytes) -> None:
    with pytest.raises(ConfigFileError, match=rf"^{file}:\d+:\d+: ."):
        parse(file, data)


@pytest.mark.parametrize(
    ("file", "item", "around"),
    [
        ("f.yml", b"- 1\n", (b"", b"")),
        ("f.yml", b"k{}: 1\n", (b"", b"")),
        ("f.json", b"1,", (b"[", b"1]")),
        ("f.json", b'"k{}": 1,', (b"{", b'"z": 1}')),
        ("f.toml", b"1,", (b"a = [", b"]")),
        ("f.toml", b"k{} = 1\n", (b"", b"")),
        ("f.toml", b"[k{}]\n", (b"", b"")),
        ("f.properties", b"k{} = 1\n", (b"", b"")),
        ("f.hocon", b"k{} = 1\n", (b"", b"")),
        ("f.hocon", b"a += 1\n", (b"", b"")),
        ("f.cfg", b"I:k{}=1\n", (FORGE, b"")),
        ("f.cfg", b"1\n", (FORGE + b"I:l <\n", b">\n")),
        ("f.kvp", b"k{}=1\n", (b"", b"")),
        ("f.ini", b"k{} = 1\n", (b"[s]\n", b"")),
        ("f.ini", b"[k{}]\n", (b"", b"")),
    ],
)
def test_too_many_settings_are_one_error_with_its_place(
    file: str, item: bytes, around: tuple[bytes, bytes]
) -> None:
    many = b"".join(item.replace(b"{}", str(n).encode()) for n in range(150))
    with pytest.raises(
        TooLargeError,
        match=rf"^{file}:\d+:\d+: more than 100 settings( \(a table counts as two\))?$",
    ):
        parse(file, around[0] + many + around[1], Limits(max_settings=100)).settings  # noqa: B018


@pytest.mark.parametrize(
    ("file", "data", "old", "new", "path"),
    [
        ("f.json", b'{"a": "%s",\n"b": 1}', b'"b": 1', b'"b": 2', ("b",)),
        ("f.toml", b"a = '%s'\nb = 1\n", b"b = 1", b"b = 2", ("b",)),
        ("f.hocon", b'a = "%s"\nb = 1\n', b"b = 1", b"b = 2", ("b",)),
        ("f.cfg", FORGE + b"S:a=%s\nI:b=1\n", b"I:b=1", b"I:b=2", ("b",)),
        ("f.properties", b"a = %s\nb = 1\n", b"b = 1", b"b = 2", ("b",)),
        ("f.kvp", b"a=%s\nb=1\n", b"b=1", b"b=2", ("b",)),
        ("f.ini", b"[s]\na = %s\nb = 1\n", b"b = 1", b"b = 2", ("s", "b")),
    ],
)
def test_a_line_of_500_kilobytes_is_read_and_edited_around(
    file: str, data: bytes, old: bytes, new: bytes, path: tuple[str, ...]
) -> None:
    data = data % (b"x " * 250_000)
    assert parse(file, data).set(path, 2) == data.replace(old, new)


@pytest.mark.parametrize(
    ("file", "data"),
    [
        ("f.json", b'{"a": %s}'),
        ("f.json5", b"{a: +%s}"),
        ("f.toml", b"b = 1\na = %s\n"),
        ("f.toml", b"b = [1, -%s]\n"),
    ],
)
def test_an_integer_of_500_000_digits_is_one_error_with_its_place(file: str, data: bytes) -> None:
    with pytest.raises(ConfigFileError, match=rf"^{file}:\d+:\d+: an integer of 500,0\d\d digits$"):
        parse(file, data % (b"9" * 500_000))


@pytest.mark.parametrize("extension", ["conf", "cfg", "txt", ""])
@pytest.mark.parametrize(
    "line",
    [
        b"a" + b" " * 250_000 + b"b",
        b"[a]" + b"\t" * 250_000 + b"b",
        b"upstream" + b" " * 250_000 + b"b",
        b"a b" + b" ;" * 100_000 + b"b",
        b"B:a" + b" " * 250_000 + b"b",
        b"a:" * 100_000 + b"b",
        b"a" + b"{ " * 100_000,
    ],
)
def test_telling_the_format_takes_time_by_length_and_not_by_its_square(
    extension: str, line: bytes
) -> None:
    """Quadratic matching would take minutes here; the runner's own bound would end it."""
    try:
        format_of(f"file.{extension}", line)
    except ConfigFileError as error:
        assert "file" in str(error)


def test_a_key_of_many_pieces_takes_time_by_their_number_and_not_by_its_square() -> None:
    """The square would be 13 s of processor time."""
    started = time.process_time()
    with pytest.raises(ConfigFileError, match=r"^f\.hocon:1:999001: expected = or : or {"):
        parse("f.hocon", b'\xff"' * 499_500)
    assert time.process_time() - started < 5


def test_half_as_many_tables_as_settings_are_too_many() -> None:
    """Both readers of TOML take twice as long over one: 100,000 of them were 1.8 s."""
    fifty = b"".join(b"[t%d]\n" % n for n in range(50))
    assert len(parse("f.toml", fifty, Limits(max_settings=100)).settings) == 50
    with pytest.raises(TooLargeError, match=r"^f.toml:51:1: .* \(a table counts as two\)$"):
        parse("f.toml", fifty + b"[t]\n", Limits(max_settings=100))
    with pytest.raises(TooLargeError, match=r"^f.toml:1:249: "):
        parse("f.toml", b"a=[" + b"{},\t " * 99 + b"]\n", Limits(max_settings=100))


def test_memory_stays_bounded_for_a_megabyte_of_the_worst_of_three_formats() -> None:
    """In a process of its own, whose address space holds 400 MB with the interpreter and all.

    The others hold one object a setting; the fuzz command watches the memory of all.
    """
    program = """
import resource
resource.setrlimit(resource.RLIMIT_AS, (400 << 20, 400 << 20))
from homeamp_agent.configfiles import parse, ConfigFileError
worst = {"f.json": (b"[", b"{},"), "f.toml": (b"", b"[[a]]\\n"), "f.hocon": (b"", b"a+=[]\\n")}
for file, (start, piece) in worst.items():
    try:
        parse(file, start + piece * (1_000_000 // len(piece))).settings
    except ConfigFileError as error:
        print(error)
"""
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.count("more than 100,000 settings") == 3, ended.stdout
