"""How much a deviation matters where its rule does not say (facts, 'Severity hints')."""

from __future__ import annotations

import re
from functools import lru_cache

from homeamp_agent.baselines.knowledge import PluginKnowledge
from homeamp_agent.model.deviation import DeviationKind as Kind
from homeamp_agent.model.pattern import any_found
from homeamp_agent.model.rule import Severity
from homeamp_agent.model.secret import SECRET_WORDS

BY_KIND = {
    Kind.VALUE: Severity.MEDIUM,
    Kind.TYPE: Severity.LOW,
    Kind.MISSING_KEY: Severity.MEDIUM,
    Kind.EXTRA_KEY: Severity.LOW,
    Kind.MISSING_FILE: Severity.MEDIUM,
    Kind.MISSING_PLUGIN: Severity.HIGH,
    Kind.UNEXPECTED_PLUGIN: Severity.HIGH,
    Kind.UNREADABLE: Severity.MEDIUM,
    Kind.NOT_UNIQUE: Severity.HIGH,
    Kind.RULE_CONFLICT: Severity.MEDIUM,
    Kind.UNRESOLVED_VARIABLE: Severity.MEDIUM,
}

WEIGHED = frozenset({Kind.VALUE, Kind.MISSING_KEY, Kind.EXTRA_KEY, Kind.MISSING_PLUGIN})
"""The kinds that weigh by what the setting is about; the others weigh by themselves."""

SECURITY_WORDS = re.compile(
    r"(?:^|[^a-z])(?:auth\w*|permissions?|secret|security|forwarding|white-?list|rcon|op|operators?|"
    r"online-mode|secure-profile|ip-forward|bungeecord|proxies|proxy-connections|command-block|"
    r"(?:black|block)-?list(?:ed)?)(?:$|[^a-z])"
)
"""Words of a dotted key (camelCase split, lower case): who may join, act, pose as another."""

NOT_SECURITY_WORDS = re.compile(
    r"(?:interval|delay|cooldown|refresh|timeout|message|format|prefix|suffix|sort\w*|order|title)s?$"
)
"""Last words that make a key about such a thing rather than the thing itself."""

MINOR_WORDS = re.compile(
    r"(?:^|[^a-z])(?:messages?|prefix|suffix|motd|lore|colou?rs?|lang(?:uage)?|locale|format|title|"
    r"display-?name|icon|sounds?|particles?|update-?check(?:er|s)?|check-?(?:for-?)?updates?|"
    r"metrics|debug)(?:$|[^a-z])"
)
"""Words of keys that players see, or nobody does, and nothing depends on."""

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def severity_of(kind: Kind, key: str | None, knowledge: PluginKnowledge) -> Severity:
    """The default severity: by kind, then by what the setting is about and whose it is."""
    rank = BY_KIND[kind].rank
    if kind not in WEIGHED:
        return BY_KIND[kind]
    security = key is not None and about_security(key, knowledge)
    if security:
        rank = min(rank - 1, Severity.HIGH.rank)
    elif key is not None and MINOR_WORDS.search(_words(key)):
        rank += 1
    if knowledge.core:
        rank -= 1
    return list(Severity)[max(0, min(rank, Severity.INFO.rank))]


def about_security(key: str, knowledge: PluginKnowledge) -> bool:
    """Whether the dotted key decides who may do what."""
    if any_found(knowledge.security, key):
        return True
    return _sounds_like_security(key)


@lru_cache(maxsize=65_536)
def _sounds_like_security(key: str) -> bool:
    """By the key's own words; the same few thousand keys come again on every instance."""
    words = _words(key)
    if NOT_SECURITY_WORDS.search(words):
        return False
    return bool(SECURITY_WORDS.search(words) or SECRET_WORDS.search(words))


def _words(key: str) -> str:
    return _CAMEL.sub("-", key).lower()
