"""Patterns that operators write: what they match, and that none of them can stall the agent."""

from __future__ import annotations

import pickle
import time

import pytest

from homeamp_agent.model.pattern import LENGTH_MAX, BadPattern, any_found, pattern_of


@pytest.mark.parametrize(
    ("pattern", "text", "whole", "found"),
    [
        ("[0-9]{17,19}", "123456789012345678", True, True),
        ("[0-9]{3}", "a123b", False, True),
        ("^a$", "a\n", False, False),
        (r"a\Z", "a", True, True),
        (r"\\Z", "\\Z", True, True),
        ("a.b", "a\nb", True, True),
        ("Игрок.", "Игрок!", True, True),
        ("(?i)true", "TRUE", True, True),
        ("", "", True, True),
        ("a.", "a\ud800", True, True),
    ],
)
def test_a_pattern_matches_a_part_or_the_whole(
    pattern: str, text: str, whole: bool, found: bool
) -> None:
    good = pattern_of(pattern)
    assert (good.matches(text), good.found_in(text)) == (whole, found)
    assert any_found(("nowhere", pattern), text) is found
    assert pickle.loads(pickle.dumps(good)) == good  # noqa: S301  (worker processes get them)


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("(?=.*[0-9])x", "uses (?=: looking around and referring back cannot be matched"),
        ("(?<!a)b", "uses (?<!: looking around"),
        (r"(a)\1", r"uses \1: looking around"),
        ("a(b", "missing )"),
        ("[z-a]", "invalid character class range: z-a"),
        ("*", "no argument for repetition operator: *"),
        ("(my-secret-password", "missing )"),
        ("((a{100}){100}){100}", "stands for too much"),
        (r"(\p{L}{1,9}){1,9}", "stands for too much"),
        ("a" * (LENGTH_MAX + 1), "has 2,001 characters; at most 2,000"),
        ("\ud800", "holds what is no Unicode text"),
        ("(" * 1_999, "missing )"),
    ],
)
def test_a_pattern_that_cannot_be_used_says_why(pattern: str, why: str) -> None:
    with pytest.raises(BadPattern) as told:
        pattern_of(pattern)
    assert str(told.value).startswith(why)
    assert "my-secret-password" not in str(told.value)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("(a+)+$", "a" * 1_000_000 + "b"),
        ("(x+x+)+y", "x" * 1_000_000),
        ("(.*)*(.*)*(.*)*=", "x" * 1_000_000),
        ("(?:a|b)*a(?:a|b){900}", "abbabaaab" * 100_000),
        ("|".join(["(?:a|b)*a(?:a|b){500}"] * 19) + "|x", "abbabaaab" * 100_000),
    ],
)
def test_no_pattern_takes_long_on_any_text(pattern: str, text: str) -> None:
    good = pattern_of(pattern)
    began = time.process_time()
    good.matches(text)
    good.found_in(text)
    assert time.process_time() - began < 2
