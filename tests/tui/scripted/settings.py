"""What a stand-in for an agent says of settings: a matrix, and why a value is there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from homeamp_agent.model.expectation import ChainLink, Expectation, Explanation, InstanceValue
from homeamp_agent.model.rule import Condition, Rule, RuleSource, Scope, ScopeKind
from homeamp_agent.model.variance import CellState, Variance
from homeamp_agent.rpc.protocol.errors import NotFound
from homeamp_agent.rpc.protocol.messages import (
    Access,
    MatrixCell,
    MatrixInstance,
    MatrixRow,
    NoParams,
    PluginRow,
    RulesExplainParams,
    RulesExplainResult,
    SettingsMatrixParams,
    SettingsMatrixResult,
    SettingsPluginsResult,
)
from homeamp_agent.rpc.registry import Call, method

NAMES = ("CREA01", "HUB01", "LOBBY01", "MINI01", "SKY01", "SURV01")
FOLDER = "plugins/Essentials"

S, V, T, I, D = Variance.SAME, Variance.VARIABLE, Variance.TAG, Variance.INSTANCE, Variance.DRIFT  # noqa: E741
ROWS: tuple[tuple[str, str, tuple[Any, ...], tuple[Variance, ...]], ...] = (
    ("config.yml", "max-nick-length", (15, 15, 15, 15, "15", 15), (S, S, S, S, D, S)),
    ("config.yml", "teleport-cooldown", (60, 60, 5, 60, 60, 60), (S, S, D, S, S, S)),
    ("config.yml", "starting-balance", (0, 250, 250, 0, 100, 250), (T, S, S, T, I, S)),
    ("config.yml", "chat.format", ("<{DISPLAYNAME}> {MESSAGE}",) * 6, (S,) * 6),
    ("config.yml", "kits.freebie.delay", (1, None, None, None, None, None), (D, S, S, S, S, S)),
    ("config.yml", "last-update", tuple(1786780825573 + at for at in range(6)), (V,) * 6),
    ("config.yml", "mysql.password", ({"masked": "a1b2c3d4e5f6"},) * 6, (S,) * 6),
    ("custom_items.yml", "aliases.bed", (..., "white_bed", "white_bed", "red_bed", ..., ...),
     (S, S, S, D, S, S)),
)  # fmt: skip


def rows_of(host: str) -> Iterator[MatrixRow]:
    """The settings of Essentials as an operator meets them."""
    for number, (file, key, values, variances) in enumerate(ROWS):
        cells = tuple(
            MatrixCell(
                state=CellState.NO_FILE if value is ...
                else CellState.MISSING if value is None else CellState.VALUE,
                value=None if value is ... else value,
                variance=variance,
                deviation=f"{host}-{number:06}" if variance is D else None,
            )
            for value, variance in zip(values, variances, strict=True)
        )  # fmt: skip
        worst = max(variances, key=lambda each: each.rank)
        path = tuple(key.split("."))
        yield MatrixRow(file=file, key=key, path=path, variance=worst, cells=cells)


@method("settings.plugins", access=Access.READ, params=NoParams, result=SettingsPluginsResult)
async def plugins(call: Call[Any], params: NoParams) -> SettingsPluginsResult:
    """What can be compared."""
    if not call.rooms.rows:
        return SettingsPluginsResult(plugins=())
    return SettingsPluginsResult(
        plugins=(
            PluginRow(plugin=None, instances=7, open=1),
            PluginRow(plugin="Essentials", instances=6, open=4),
            PluginRow(plugin="LuckPerms", instances=7, open=0),
        )
    )


@method(
    "settings.matrix",
    access=Access.READ,
    params=SettingsMatrixParams,
    result=SettingsMatrixResult,
    errors=(NotFound,),
)
async def matrix(call: Call[Any], params: SettingsMatrixParams) -> SettingsMatrixResult:
    """Essentials in full, of other plugins one setting, or thousands where the script says so."""
    call.rooms.asked["settings.matrix"] += 1
    rows = list(rows_of(call.rooms.host))
    if call.rooms.made_up:
        rows = [
            rows[3].model_copy(update={"key": f"made.up-{at}", "path": ("made", f"up-{at}")})
            for at in range(call.rooms.made_up)
        ]
    elif params.plugin != "Essentials":
        rows = rows[3:4]
    words = (params.filter or "").split()
    wanted = [
        row
        for row in rows
        if (params.variance is None or row.variance in params.variance or call.rooms.made_up)
        and all(word in row.key for word in words)
    ]
    first = params.offset or 0
    page = tuple(wanted[first : first + params.limit])
    call.rooms.rows_sent += len(page)
    return SettingsMatrixResult(
        instances=tuple(
            MatrixInstance(host=call.rooms.host, instance=name, folder=FOLDER) for name in NAMES
        ),
        rows=page,
        total=len(wanted),
        counts={each: sum(row.variance is each for row in rows) for each in Variance},
    )


@method(
    "rules.explain",
    access=Access.READ,
    params=RulesExplainParams,
    result=RulesExplainResult,
    errors=(NotFound,),
)
async def explain(call: Call[Any], params: RulesExplainParams) -> RulesExplainResult:
    """One rule, and what the others have."""
    host = call.rooms.host
    rows = list(rows_of(host))
    row = next((each for each in rows if each.path == params.path), rows[3])
    expected = row.cells[1].value
    rule = Rule(
        id="global",
        condition=Condition(value=expected),
        plugin="Essentials",
        key=row.key,
        source=RuleSource(file="Essentials_universal_config.md", line=21),
        scope=Scope(kind=ScopeKind.GLOBAL),
    )
    expectation = Expectation(
        host=host,
        instance=params.instance,
        plugin=params.plugin,
        file=params.file,
        path=params.path,
        key=row.key,
        condition=rule.condition,
        scope=rule.scope,
        chain=(ChainLink(rule=rule, won=True, note="the only rule that speaks of it"),),
    )
    elsewhere = tuple(
        InstanceValue(
            host=host,
            instance=name,
            value=cell.value,
            missing=cell.state is CellState.MISSING,
            as_expected=cell.deviation is None,
        )
        for name, cell in zip(NAMES, row.cells, strict=True)
    )
    explanation = Explanation(expectation=expectation, sentences=(), elsewhere=elsewhere)
    return RulesExplainResult(explanation=explanation)


METHODS = (plugins, matrix, explain)
