"""Why something is expected: the chain of rules in words, secrets masked."""

from __future__ import annotations

from homeamp_agent.baselines.ranking import same_demand
from homeamp_agent.baselines.resolver import Resolved
from homeamp_agent.model.expectation import ChainLink, Expectation
from homeamp_agent.model.rule import Condition, Rule
from homeamp_agent.model.secret import Masker, is_masked, wire_value


def masked_condition(
    condition: Condition,
    path: tuple[str | bool | int | None, ...],
    plugin: str | None,
    masker: Masker,
) -> Condition:
    """The condition as it may be shown: secret values as fingerprints."""
    pattern = masker.mask(path, condition.pattern, plugin)
    return condition.model_copy(
        update={
            "value": wire_value(masker.mask(path, condition.value, plugin)),
            "values": tuple(
                wire_value(masker.mask(path, value, plugin)) for value in condition.values
            ),
            "pattern": f"masked:{pattern['masked']}" if is_masked(pattern) else pattern,
        }
    )


def _shown(rule: Rule, resolved: Resolved, masker: Masker) -> Rule:
    path = resolved.path or ((resolved.key,) if resolved.key else ())
    condition = masked_condition(rule.condition, path, resolved.plugin, masker)
    return rule.model_copy(update={"condition": condition})


def expectation_of(resolved: Resolved, masker: Masker) -> Expectation:
    """The expectation as it goes over the wire, with its whole chain, widest rule first."""
    path = resolved.path or ((resolved.key,) if resolved.key else ())
    winner = resolved.rule
    links = [
        ChainLink(
            rule=_shown(rule, resolved, masker),
            won=rule is winner,
            note=_note(rule, resolved),
        )
        for rule in reversed((*resolved.rules, *resolved.beside))
    ]
    conflict = None
    if resolved.conflict is not None:
        conflict = f"{winner.source} and {resolved.conflict.source} disagree at equal rank"
    return Expectation(
        host=resolved.host,
        instance=resolved.instance,
        plugin=resolved.plugin,
        file=resolved.file,
        path=resolved.path,
        key=resolved.key,
        condition=masked_condition(resolved.condition, path, resolved.plugin, masker),
        severity=winner.severity,
        scope=winner.scope,
        chain=tuple(links),
        conflict=conflict,
        unresolved=resolved.unresolved,
        candidates=resolved.candidates,
        variance=resolved.variance,
    )


def _note(rule: Rule, resolved: Resolved) -> str:
    winner = resolved.rule
    if rule in resolved.beside:
        return "speaks of something else: it holds besides"
    if rule is winner:
        if len(resolved.rules) == 1:
            return "the only rule that speaks of it"
        return f"the narrowest: {rule.scope}"
    if rule is resolved.conflict:
        return f"disagrees with {winner.source} at equal rank"
    if same_demand(rule.condition, winner.condition):
        return "says the same"
    if winner.approval is not None and rule.scope == winner.scope:
        return "overruled: a review decided"
    if rule.scope.kind is not winner.scope.kind:
        return f"overruled: {winner.scope} is narrower than {rule.scope}"
    if rule.scope != winner.scope:
        return f"overruled: {winner.scope} comes later in tag_order than {rule.scope}"
    return "overruled: the winner names the setting more exactly"


def sentences(expectation: Expectation) -> tuple[str, ...]:
    """The chain in words, widest rule first."""
    told = [
        f"{link.rule.source} ({link.rule.scope}): {link.rule.condition.sentence()}: {link.note}"
        + (f" ({link.rule.reason})" if link.rule.reason else "")
        for link in expectation.chain
    ]
    if expectation.conflict:
        told.append(expectation.conflict)
    if expectation.unresolved:
        told.append(f"no value for {', '.join(expectation.unresolved)} here")
    if expectation.candidates:
        told.append(f"could be in any of {', '.join(expectation.candidates)}: name the file")
    return tuple(told)
