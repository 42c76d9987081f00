"""Rows made up and believable ones, with as much of the filter's language as the tests speak.

They are made when they are asked for, so that an agent with 100,000 of them costs nothing.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Any

from homeamp_agent.model.deviation import (
    OPEN_STATUSES,
    Deviation,
    DeviationKind,
    DeviationStatus,
    OwningRule,
    Pattern,
)
from homeamp_agent.model.query import (
    DeviationFilter,
    DeviationsSort,
    SettingChange,
)
from homeamp_agent.model.rule import RuleSource, Scope, Severity
from homeamp_agent.rpc.protocol.errors import InvalidParams

LONG_AGO = dt.datetime.now(dt.UTC) - dt.timedelta(weeks=15, days=3)
"""Ages are counted from now: half a week past the full one, so that no test sees it pass."""


INSTANCES = ("CREA01", "HUB01", "LOBBY01", "MINI01", "PROXY01", "SKY01", "SURV01")


PLUGINS = ("Essentials", "LuckPerms", "WorldGuard", "DiscordSRV", None)


KEYS = ("chat.format", "teleport-cooldown", "use-sqlite", "region.max-volume", "spawn-protection")


def deviation(host: str, number: int, total: int = 0, **more: Any) -> Deviation:
    """The `number`-th of a host's made-up deviations, sorted as an agent would by severity."""
    severity = list(Severity)[min(4, number * 5 // max(1, total))] if total else Severity.MEDIUM
    instance = INSTANCES[number % len(INSTANCES)]
    plugin = PLUGINS[number % len(PLUGINS)]
    key = f"{KEYS[number % len(KEYS)]}"
    facts: dict[str, Any] = {
        "id": f"{host}-{number:06}",
        "host": host,
        "instance": instance,
        "plugin": plugin,
        "file": f"plugins/{plugin}/config.yml" if plugin else "server.properties",
        "key": key,
        "path": tuple(key.split(".")),
        "kind": DeviationKind.VALUE,
        "severity": severity,
        "expected": number % 50,
        "actual": number % 50 + 1,
        "line": 10 + number % 300,
        "rule": OwningRule(
            scope=Scope(),
            source=RuleSource(file="paper_universal_config.md", line=30 + number % 90),
        ),
        "group": f"group-{number % 40}",
        "first_seen": LONG_AGO - dt.timedelta(minutes=number),
        "last_seen": LONG_AGO,
    }
    return Deviation(**{**facts, **more})


class MadeUp(Sequence[Deviation]):
    def __init__(self, host: str, total: int) -> None:
        self._host, self._total = host, total

    def __len__(self) -> int:
        return self._total

    def __getitem__(self, at: Any) -> Any:
        if isinstance(at, slice):
            return [self[each] for each in range(*at.indices(self._total))]
        return deviation(self._host, at, self._total)


def matches(row: Deviation, wanted: DeviationFilter) -> bool:
    """As much of the filter's language as the tests speak."""
    statuses = wanted.statuses or (tuple(OPEN_STATUSES) if wanted.open else tuple(DeviationStatus))
    if row.status not in statuses:
        return False
    if wanted.ids is not None and row.id not in wanted.ids:
        return False
    for name in ("host", "instance", "group"):
        if getattr(wanted, name) is not None and getattr(wanted, name) != getattr(row, name):
            return False
    if wanted.plugin is not None and wanted.plugin != (row.plugin or ""):
        return False
    if wanted.severities is not None and row.severity not in wanted.severities:
        return False
    if wanted.kinds is not None and row.kind not in wanted.kinds:
        return False
    return all(_word_matches(row, word) for word in (wanted.text or "").split())


def _word_matches(row: Deviation, word: str) -> bool:
    if word.startswith("kind:") and word != "kind:value":
        raise InvalidParams(f"there is no kind {word[5:]}")
    name, colon, value = word.partition(":")
    if colon and name == "severity":
        return row.severity.value == value
    if colon and name == "pattern":
        return row.pattern is not None and row.pattern.name == value
    text = " ".join(map(str, (row.instance, row.plugin, row.file, row.key, row.actual)))
    return word.casefold() in text.casefold()


def order_of(row: Deviation, sort: DeviationsSort) -> tuple[Any, ...]:
    place = (row.host, row.instance, row.plugin or "", row.file or "", row.key or "", row.id)
    match sort:
        case DeviationsSort.SEVERITY:
            return (row.severity.rank, *place)
        case DeviationsSort.PLUGIN:
            return (row.plugin or "", *place)
        case DeviationsSort.NEWEST:
            return (-(row.first_seen.timestamp() if row.first_seen else 0), *place)
        case _:
            return place


def believable(host: str) -> Iterator[Deviation]:
    """Rows as an operator meets them, of every kind."""
    rule = OwningRule(scope=Scope(), source=RuleSource(file="paper_universal_config.md", line=128))
    odd = Pattern(
        name="odd_one_out",
        evidence="6 of 7 instances have 60; only CREA01 has 5",
        confidence=0.93,
        action="fix this one",
    )
    facts: tuple[dict[str, Any], ...] = (
        {"severity": Severity.CRITICAL, "instance": "SURV01", "plugin": "WorldGuard",
         "file": "plugins/WorldGuard/config.yml", "key": "security.block-in-game-op-command",
         "expected": True, "actual": False, "line": 12,
         "pattern": Pattern(name="security_downgrade", evidence="blocking of /op is switched off",
                            confidence=0.99, action="fix it")},
        {"severity": Severity.CRITICAL, "instance": "HUB01", "plugin": None,
         "file": "server.properties", "key": "enable-command-block", "expected": False,
         "actual": "true", "line": 23},
        {"severity": Severity.HIGH, "instance": "CREA01", "plugin": "Essentials",
         "file": "plugins/Essentials/config.yml", "key": "chat.format",
         "expected": "<{DISPLAYNAME}> {MESSAGE}", "actual": "&7{DISPLAYNAME} » [b]{MESSAGE}[/b]",
         "line": 128, "pattern": odd},
        {"severity": Severity.HIGH, "instance": "SKY01", "plugin": "LuckPerms",
         "file": "plugins/LuckPerms/config.yml", "key": "data.password",
         "expected": {"masked": "a1b2c3d4e5f6"}, "actual": {"masked": "f6e5d4c3b2a1"}, "line": 61},
        {"severity": Severity.HIGH, "instance": "MINI01", "plugin": "DiscordSRV",
         "file": None, "key": None, "path": None, "line": None, "expected": None, "actual": None,
         "kind": DeviationKind.MISSING_PLUGIN},
        {"severity": Severity.MEDIUM, "instance": "LOBBY01", "plugin": "Essentials",
         "file": "plugins/Essentials/config.yml", "key": "teleport-cooldown", "expected": 60,
         "actual": 5, "line": 77, "pattern": odd, "status": DeviationStatus.FLAGGED,
         "reviewed_by": "mira", "reviewed_at": LONG_AGO, "review_reason": "never agreed"},
        {"severity": Severity.MEDIUM, "instance": "SURV01", "plugin": "Multiverse-Core",
         "file": "plugins/Multiverse-Core/config.yml", "key": "command.confirm-timeout",
         "expected": 30, "actual": 60, "line": 32},
        {"severity": Severity.MEDIUM, "instance": "CREA01", "plugin": "Multiverse-Core",
         "file": "plugins/Multiverse-Core/config.yml", "key": "command.confirm-timeout",
         "expected": 30, "actual": 60, "line": 32},
        {"severity": Severity.MEDIUM, "instance": "SURV01", "plugin": "PlaceholderAPI",
         "file": "plugins/PlaceholderAPI/config.yml", "key": "expansions.server.tps_color.high",
         "expected": "&a", "actual": None, "kind": DeviationKind.MISSING_KEY, "line": None},
        {"severity": Severity.LOW, "instance": "HUB01", "plugin": "CoreProtect",
         "file": "plugins/CoreProtect/config.yml", "key": "default-radius", "expected": 10,
         "actual": "10", "kind": DeviationKind.TYPE, "line": 41},
        {"severity": Severity.INFO, "instance": "PROXY01", "plugin": "Geyser",
         "file": "plugins/Geyser-Velocity/config.yml", "key": "remote.auth-type",
         "expected": {"one_of": ["floodgate", "online"]}, "actual": "offline", "line": 58},
    )  # fmt: skip
    for number, each in enumerate(facts):
        key = each["key"]
        more = {
            "rule": rule,
            "path": tuple(key.split(".")) if key else None,
            "group": f"{each['plugin']}-{key}",
            "first_seen": dt.datetime.now(dt.UTC)
            - dt.timedelta(minutes=7 * number * number + 3, seconds=20),
            **each,
        }
        yield deviation(host, number, **more)


def setting_changes(row: Deviation) -> Iterator[SettingChange]:
    """How the setting of a deviation came to be what it is, newest first."""
    facts: tuple[dict[str, Any], ...] = (
        {"old": row.expected, "new": row.actual, "by": "outside", "while_away": True},
        {
            "old": "none",
            "new": row.expected,
            "by": "homeamp",
            "change_id": "20260801T101500-4f2a91",
        },
        {"old": None, "new": "none", "by": "outside"},
    )
    for number, each in enumerate(facts):
        yield SettingChange(
            at=LONG_AGO - dt.timedelta(weeks=number),
            instance=row.instance,
            plugin=row.plugin,
            file=row.file or "",
            key=row.key or "",
            path=row.path or (),
            **each,
        )
