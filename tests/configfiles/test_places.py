"""A character's place in the text leads to its place in the bytes, whatever stands around it."""

from __future__ import annotations

import codecs

import pytest

from homeamp_agent.configfiles.document import DEFAULT_LIMITS
from homeamp_agent.configfiles.text import SourceText

TEXTS = [
    "a" * 300,
    # Blocks of as many bytes as others have characters, and a short last one of two-byte letters.
    "é" * 64,
    "a" * 128 + "é" * 64,
    "é" * 127 + "a" * 128 + "§" * 3 + "a" * 200,
    "😀" * 32 + "a" * 96 + "é" * 128 + "✔",
]


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize(
    ("mark", "encoding"),
    [
        (b"", "utf-8"),
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    ],
)
def test_every_place_is_that_of_the_bytes(text: str, mark: bytes, encoding: str) -> None:
    source = SourceText("a.yml", mark + text.encode(encoding), DEFAULT_LIMITS)
    places = [len(mark)]
    for character in text:
        places.append(places[-1] + len(character.encode(encoding)))
    assert [source.byte_offset(index) for index in range(len(text) + 1)] == places
    for start in range(0, len(text), 7):
        for end in (start, start + 1, start + 90, start + 130, len(text)):
            last = min(end, len(text))
            assert source.byte_offsets(start, last) == (places[start], places[last])


def test_undecodable_bytes_are_one_character_and_one_byte() -> None:
    data = b"\xa7a: b\xc3\xa9\xff" * 40
    source = SourceText("a.yml", data, DEFAULT_LIMITS)
    assert source.byte_offsets(6, 8) == (7, 9)
    assert source.byte_offsets(7 * 30, 7 * 30 + 6) == (8 * 30, 8 * 30 + 7)
    assert source.byte_offset(len(source.text)) == len(data)
