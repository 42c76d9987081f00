"""Baselines: what the operator says settings should be, and what follows for each instance.

What lives here: the readers of every form, the rules they yield, their resolution, approvals, and
what is known of single plugins. What may not: reading an instance's files; deciding what drifts.
"""

from __future__ import annotations

from homeamp_agent.baselines.approvals import (
    ApprovedFileError,
    merged,
    rewrite_approved,
    write_approved,
)
from homeamp_agent.baselines.content import Baselines, SourceReport
from homeamp_agent.baselines.decisions import (
    Approval,
    Decision,
    NotPromotable,
    ReviewedRule,
    approval_of,
    ignoring,
    marking_unique,
    promoting,
    rule_ids,
)
from homeamp_agent.baselines.explain import expectation_of, sentences
from homeamp_agent.baselines.knowledge import Knowledge, PluginKnowledge, load_knowledge
from homeamp_agent.baselines.loader import load_baselines, reload
from homeamp_agent.baselines.names import with_names_checked
from homeamp_agent.baselines.report import check_report, check_text, has_errors
from homeamp_agent.baselines.resolver import Resolved, Resolver

__all__ = [
    "Approval",
    "ApprovedFileError",
    "Baselines",
    "Decision",
    "Knowledge",
    "NotPromotable",
    "PluginKnowledge",
    "Resolved",
    "Resolver",
    "ReviewedRule",
    "SourceReport",
    "approval_of",
    "check_report",
    "check_text",
    "expectation_of",
    "has_errors",
    "ignoring",
    "load_baselines",
    "load_knowledge",
    "marking_unique",
    "merged",
    "promoting",
    "reload",
    "rewrite_approved",
    "rule_ids",
    "sentences",
    "with_names_checked",
    "write_approved",
]
