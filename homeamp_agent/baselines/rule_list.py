"""The rules of a baseline as they may be shown, and found by words. Secrets are masked."""

from __future__ import annotations

import threading
from collections.abc import Collection
from dataclasses import dataclass, field

from homeamp_agent.baselines.content import Baselines
from homeamp_agent.baselines.explain import masked_condition
from homeamp_agent.model.rule import Rule, ScopeKind
from homeamp_agent.model.secret import Masker


@dataclass(frozen=True, slots=True)
class RuleList:
    """Every rule in the order of its sources, masked."""

    rules: tuple[Rule, ...]
    _texts: tuple[str, ...] = field(repr=False)

    @classmethod
    def of(cls, baselines: Baselines, masker: Masker) -> RuleList:
        """All rules of the baselines."""
        rules = tuple(shown_rule(rule, masker) for rule in baselines.rules)
        return cls(rules, tuple(map(_searched, rules)))

    def found(
        self, text: str | None, scopes: Collection[ScopeKind] | None, plugin: str | None
    ) -> list[Rule]:
        """The rules of these scopes and this plugin with every word of `text`; `!word`: without."""
        words = (text or "").casefold().split()
        wanted = None if plugin is None else plugin.casefold()
        return [
            rule
            for rule, searched in zip(self.rules, self._texts, strict=True)
            if (scopes is None or rule.scope.kind in scopes)
            and (wanted is None or (rule.plugin or "").casefold() == wanted)
            and all(holds_word(searched, word) for word in words)
        ]

    def rule(self, identity: str) -> Rule | None:
        """The rule of that id."""
        return next((rule for rule in self.rules if rule.id == identity), None)


def holds_word(text: str, word: str) -> bool:
    """Whether the (case folded) text has the word, or has it not where it is written `!word`."""
    return (word[1:] not in text) if word.startswith("!") and len(word) > 1 else word in text


def shown_rule(rule: Rule, masker: Masker) -> Rule:
    """The rule as it may be shown."""
    path = rule.path or tuple(each for each in (rule.stem_key or rule.key,) if each is not None)
    condition = masked_condition(rule.condition, path, rule.plugin, masker)
    return rule.model_copy(update={"condition": condition})


def _searched(rule: Rule) -> str:
    parts = (
        str(rule.source), str(rule.scope), rule.plugin, rule.file, rule.key,
        ".".join(map(str, rule.path or ())), rule.condition.sentence(), rule.reason, rule.owner,
        rule.severity, "review" if rule.approval else None, "expires" if rule.expires else None,
    )  # fmt: skip
    return "\n".join(part for part in parts if part).casefold()


class RuleLists:
    """The list last asked for, as long as what it was made of stands. For any thread."""

    def __init__(self) -> None:
        self._made: tuple[Baselines, Masker, RuleList] | None = None
        self._lock = threading.Lock()

    def of(self, baselines: Baselines, masker: Masker) -> RuleList:
        """The rules as they stand now."""
        with self._lock:
            made = self._made
            if made is None or made[0] is not baselines or made[1] is not masker:
                made = self._made = (baselines, masker, RuleList.of(baselines, masker))
        return made[2]
