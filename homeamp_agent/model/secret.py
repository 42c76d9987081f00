"""What is secret, and the fingerprint that stands for it everywhere outside its file.

A secret is masked where its file is read: snapshots, the store, reports, logs and screens hold
`Masked`. Equal secrets have equal fingerprints under one key, so they can still be compared.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from homeamp_agent.model.pattern import Pattern
from homeamp_agent.model.setting import KeyPath, Value, dotted, segment_text

FINGERPRINT_HEX_DIGITS = 12
"""48 bits: enough to tell a network's secrets apart, far too few to search for one."""

SECRET_WORDS = re.compile(
    r"(?:^|[^a-z])(?:password|passwd|passphrase|pwd|secret|token|api[-_. ]?key|apikey|"
    r"private[-_. ]?key|access[-_. ]?key|license[-_. ]?key|signing[-_. ]?key|encryption[-_. ]?key|"
    r"credentials?|webhook(?:[-_. ]?ur[li])?|auth[-_. ]?key|bot[-_. ]?token)(?:$|[^a-z])"
)
"""Words of a key segment, matched after camelCase is split and the text lower-cased."""

NOT_SECRET_WORDS = re.compile(
    r"(?:length|min|max|regex|pattern|enabled?|required?|timeout|expir\w*|message|attempts|"
    r"minimum|maximum|hash(?:ing)?|algorithm|policy|file|path|type|cooldown|limit|amount|cost)s?$"
)
"""Last words that make a key about a secret rather than the secret itself."""

CREDENTIALS_IN_URL = re.compile(r"[a-z][a-z0-9+.-]{0,30}://[^\s/:@]*:[^\s/@]+@", re.IGNORECASE)
CREDENTIALS_IN_QUERY = re.compile(r"[?&;](?:password|pwd|token|secret)=[^&;\s]+", re.IGNORECASE)
WEBHOOK_URL = re.compile(r"https?://\S{0,200}/(?:api/)?webhooks?/\S+", re.IGNORECASE)
"""Bounded inside, as the one above: a line of a real file has 572 KB."""

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_SEPARATOR = re.compile("[:=]")
_COMMENT_MARKS = "#;/"

MASK = "••••••"


@dataclass(frozen=True, slots=True)
class Masked:
    """A secret, by its keyed fingerprint. On the wire: `{"masked": "<fingerprint>"}`."""

    fingerprint: str

    def wire(self) -> dict[str, str]:
        """The JSON shape of DESIGN.md."""
        return {"masked": self.fingerprint}


def is_masked(value: Value) -> bool:
    """Whether `value` is a `Masked.wire()` dictionary."""
    return isinstance(value, dict) and set(value) == {"masked"} and isinstance(value["masked"], str)


def holds_mask(value: Value) -> bool:
    """Whether a secret is in the value, masked."""
    if is_masked(value):
        return True
    if isinstance(value, dict):
        return any(map(holds_mask, value.values()))
    return isinstance(value, (list, tuple)) and any(map(holds_mask, value))


@dataclass(frozen=True, slots=True)
class SecretPolicy:
    """Which settings are secret: by the words of their key, by their value, or by name.

    `extra` maps a plugin's name (or `*`) to patterns of dotted keys that are secret too,
    `never` likewise to those that are not.
    """

    extra: Mapping[str, tuple[Pattern, ...]] = field(default_factory=dict)
    never: Mapping[str, tuple[Pattern, ...]] = field(default_factory=dict)

    def secret_key(self, path: KeyPath, plugin: str | None = None) -> bool:
        """Whether the setting at `path` is secret by its key."""
        if self.never or self.extra:
            key = dotted(path)
            if _named(self.never, plugin, key):
                return False
            if _named(self.extra, plugin, key):
                return True
        words = [part for part in path if isinstance(part, str)]
        return any(_secret_word(part) for part in words[-2:])

    def secret(self, path: KeyPath, value: Value, plugin: str | None = None) -> bool:
        """Whether the setting is secret by its key or by what its value holds.

        Booleans, None and empty text are no secrets whatever their key says.
        """
        if value is None or isinstance(value, bool) or value == "":
            return False
        if isinstance(value, str) and secret_text(value):
            return True
        return self.secret_key(path, plugin)


def secret_text(text: str) -> bool:
    """Whether the text carries credentials: a connection string, a query, a webhook's URL."""
    if "=" in text and CREDENTIALS_IN_QUERY.search(text):
        return True
    if "://" not in text:
        return False
    return bool(CREDENTIALS_IN_URL.search(text) or WEBHOOK_URL.search(text))


@lru_cache(maxsize=65_536)
def _secret_word(segment: str) -> bool:
    """Whether a key's segment says that its value is secret; the same few thousand come again."""
    text = _CAMEL.sub("-", segment).lower()
    return bool(SECRET_WORDS.search(text)) and not NOT_SECRET_WORDS.search(text)


def _named(table: Mapping[str, tuple[Pattern, ...]], plugin: str | None, key: str) -> bool:
    names: Iterable[str] = ("*", plugin) if plugin else ("*",)
    return any(pattern.found_in(key) for name in names for pattern in table.get(name, ()))


@dataclass(frozen=True, slots=True)
class Masker:
    """Turns secrets into fingerprints under one host's key (32 random bytes of its state)."""

    key: bytes = field(repr=False)
    policy: SecretPolicy = field(default_factory=SecretPolicy)

    def fingerprint(self, value: Value) -> str:
        """The keyed fingerprint of a scalar; numbers by their number, so 1 and 1.0 agree."""
        canonical = value
        if isinstance(value, float) and value.is_integer():
            canonical = int(value)
        text = json.dumps(canonical, sort_keys=True, default=str)
        digest = hmac.new(self.key, text.encode("utf-8", "surrogatepass"), hashlib.sha256)
        return digest.hexdigest()[:FINGERPRINT_HEX_DIGITS]

    def mask(self, path: KeyPath, value: Value, plugin: str | None = None) -> Value:
        """`value` with every secret leaf in it replaced by its `Masked.wire()` shape.

        Idempotent: what is masked already stays.
        """
        if is_masked(value):
            return value
        if isinstance(value, dict):
            return {key: self.mask((*path, key), item, plugin) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.mask((*path, index), item, plugin) for index, item in enumerate(value)]
        if self.policy.secret(path, value, plugin):
            return Masked(self.fingerprint(value)).wire()
        return value

    def mask_line(self, line: str) -> str:
        """A line of raw text with what looks like a secret's value blotted out.

        For lines that no parser vouches for: comments, diffs of unreadable files, log lines.
        """
        for pattern in (CREDENTIALS_IN_URL, CREDENTIALS_IN_QUERY, WEBHOOK_URL):
            line = pattern.sub(MASK, line)
        key, value = _key_and_value(line)
        if value and self.policy.secret((key,), value):
            return line[: -len(value)] + MASK
        return line


def _key_and_value(line: str) -> tuple[str, str]:
    """What looks like a key, free of quotes and comment marks, and all that follows it.

    By hand: as a regular expression it takes minutes for a line of a few thousand spaces.
    """
    separator = _SEPARATOR.search(line)
    if separator is None:
        return "", ""
    key = line[: separator.start()].strip().lstrip(_COMMENT_MARKS).strip(" \t\"'")
    return key, line[separator.end() :].lstrip() if key else ""


def wire_value(value: Any) -> Value:
    """`value` as JSON can hold it: mapping keys become text, tuples lists, the rest text."""
    if isinstance(value, Masked):
        return value.wire()
    if isinstance(value, dict):
        return {segment_text(key): wire_value(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [wire_value(item) for item in value]
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    return str(value)
