"""Hostile files end in one clear error; the process, its memory and its time stay whole."""

from __future__ import annotations

import subprocess
import sys

import pytest

from homeamp_agent.configfiles import (
    DEFAULT_LIMITS,
    ConfigFileError,
    Limits,
    TooLargeError,
    parse,
)

DEEP = 100_000


@pytest.mark.parametrize(
    "data",
    [
        b"[" * DEEP,
        b"a: " + b"{a: " * DEEP,
        b"- " * DEEP + b"x",
        b"? " * DEEP + b"x",
        b"[" * DEEP + b"]" * DEEP,
        b"\n".join(b" " * level + b"a:" for level in range(1_200)),
    ],
    ids=["lists", "mappings", "dashes", "question marks", "closed lists", "indentation"],
)
def test_deep_nesting_is_one_error_with_its_place(data: bytes) -> None:
    with pytest.raises(TooLargeError, match=r"^deep\.yml:\d+:\d+: nested deeper than 200 levels$"):
        parse("deep.yml", data)


def test_an_alias_bomb_is_refused_before_it_expands() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    with pytest.raises(TooLargeError, match=r"bomb\.yml:\d+:\d+: its aliases stand for more than"):
        parse("bomb.yml", "\n".join(lines).encode())


def test_a_merge_bomb_is_refused_before_it_expands() -> None:
    keys = "\n".join(f"  k{n}: 1" for n in range(1_000))
    uses = "\n".join(f"u{n}:\n  <<: *b" for n in range(1_000))
    with pytest.raises(TooLargeError, match=r"bomb\.yml:\d+:\d+: its aliases stand for"):
        parse("bomb.yml", f"b: &b\n{keys}\n{uses}\n".encode())


def test_nesting_through_aliases_is_bounded() -> None:
    lines = ["a0: &a0 [x]"] + [f"a{n}: &a{n} [*a{n - 1}]" for n in range(1, 1_000)]
    with pytest.raises(TooLargeError, match="nested deeper"):
        parse("chain.yml", "\n".join(lines).encode())


def test_a_file_over_the_size_bound_is_not_read() -> None:
    with pytest.raises(TooLargeError, match=r"big\.yml: 2,000 bytes; at most 1,000"):
        parse("big.yml", b"x" * 2_000, Limits(max_bytes=1_000))


@pytest.mark.parametrize(
    "data", [b"a:\n" + b"- x\n" * 500, b"[x, " * 1 + b"x," * 500 + b"]", b"[" + b"[]," * 500 + b"]"]
)
def test_too_many_settings_are_refused(data: bytes) -> None:
    with pytest.raises(TooLargeError, match="more than 100 settings"):
        parse("many.yml", data, Limits(max_settings=100)).settings  # noqa: B018


def test_a_line_of_500_kilobytes_is_read_and_edited() -> None:
    data = b"a: " + b"x " * 250_000 + b"y\nb: 1\n"
    document = parse("long.yml", data)
    assert document.set(("b",), 2) == data.replace(b"b: 1", b"b: 2")


@pytest.mark.parametrize("end", [b"", b"b: 1\r\n", b"  x\r\nb: 1\r\n"])
def test_blank_lines_behind_a_block_are_read_once(end: bytes) -> None:
    """Matched in two ways each, 500 of them once took longer than anybody waits."""
    data = b"a: >-\r\n  t\r\n" + b"\r\n" * 50_000 + end
    document = parse("blank.yml", data)
    assert document.settings[("a",)].span.end <= len(data) - len(end) or b"x" in end
    if b"b" in end:
        assert document.set(("b",), 2).endswith(b"b: 2\r\n")


def test_a_number_of_many_digits_is_text() -> None:
    document = parse("digits.yml", b"a: " + b"9" * 5_000 + b"\nb: 1\n")
    assert document.value(("a",)) == "9" * 5_000
    assert document.set(("b",), 2).endswith(b"b: 2\n")


@pytest.mark.parametrize("data", [b"a: \x00\n", b"\x7fELF\x02\x01\x01\x00", bytes(range(256))])
def test_a_binary_file_is_one_error(data: bytes) -> None:
    with pytest.raises(ConfigFileError, match=r"^file\.yml:\d+:\d+: "):
        parse("file.yml", data)


def test_memory_stays_bounded_for_a_megabyte_of_the_worst() -> None:
    """In a process of its own, whose address space holds 512 MB with the interpreter and all."""
    program = """
import resource
resource.setrlimit(resource.RLIMIT_AS, (512 << 20, 512 << 20))
from homeamp_agent.configfiles import parse, ConfigFileError
for piece in (b"a,", b"[],", b"{},", b"- a\\n", b"a: 1\\n", b"? a\\n", b"&a a,", b"\\xff,"):
    data = (b"[" if piece.endswith(b",") else b"") + piece * (1_000_000 // len(piece))
    try:
        parse("f.yml", data).settings
    except ConfigFileError as error:
        print(error)
"""
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False
    )
    assert ended.returncode == 0, ended.stderr
    assert "more than 100,000 settings" in ended.stdout


def test_the_default_limits_leave_room_above_the_largest_real_file() -> None:
    assert DEFAULT_LIMITS.max_bytes > 10 * 1_050_000
    assert DEFAULT_LIMITS.max_depth > 10 * 14
    assert DEFAULT_LIMITS.max_settings > 2 * 40_000
