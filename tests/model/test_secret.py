"""What is secret is told by key or by value, in time that hostile text cannot stretch."""

from __future__ import annotations

import time

import pytest

from homeamp_agent.model.pattern import Pattern
from homeamp_agent.model.secret import Masker, SecretPolicy, secret_text

POLICY = SecretPolicy()


@pytest.mark.parametrize(
    "key",
    [
        ("mysql", "password"),
        ("BotToken",),
        ("rcon.password",),
        ("webhook-url",),
        ("apiKey",),
        ("tokens", 0, "secret"),
        ("password", "value"),
    ],
)
def test_a_key_says_that_its_value_is_secret(key: tuple[str | int, ...]) -> None:
    assert POLICY.secret(key, "x")


@pytest.mark.parametrize(
    "key", [("password-length",), ("tokenizer",), ("min-password-length",), ("token", "a", "b")]
)
def test_a_key_about_a_secret_is_not_one(key: tuple[str, ...]) -> None:
    assert not POLICY.secret(key, "x")


@pytest.mark.parametrize(
    "text",
    [
        "jdbc:mysql://root:hunter2@db.example/x",
        "mongodb+srv://u:p@host",
        "jdbc:mysql://db/x?user=a&password=b",
        "https://discord.example/api/webhooks/1/abc",
    ],
)
def test_a_value_that_carries_credentials_is_secret_under_any_key(text: str) -> None:
    assert secret_text(text)
    assert POLICY.secret(("url",), text)


@pytest.mark.parametrize("text", ["https://example.net/x", "a=b", "time: 12:30@noon", "://"])
def test_an_address_without_credentials_is_none(text: str) -> None:
    assert not secret_text(text)


def test_names_and_plugins_can_be_told_to_be_secret_or_never() -> None:
    policy = SecretPolicy({"Shop": (Pattern("^banner$"),)}, {"*": (Pattern("^a.password$"),)})
    assert policy.secret(("banner",), "x", "Shop")
    assert not policy.secret(("banner",), "x", "Other")
    assert not policy.secret(("a", "password"), "x")


@pytest.mark.parametrize(
    "text",
    [
        "a" * 600_000 + "://",
        "http://" * 80_000 + "webhook",
        "x?" * 300_000 + "=",
        "a:" * 300_000,
        " " * 300_000,
    ],
)
def test_a_long_line_of_anything_is_judged_at_once(text: str) -> None:
    began = time.process_time()
    secret_text(text)
    Masker(bytes(32)).mask_line("key: " + text)
    Masker(bytes(32)).mask_line(text)
    assert time.process_time() - began < 2
