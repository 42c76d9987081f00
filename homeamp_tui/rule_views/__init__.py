"""The three lists of the rules screen: rules, what is wrong with them, what reviews decided.

Each view knows its columns, how to ask for its rows, and what its detail says; the screen moves.
"""

from __future__ import annotations

from homeamp_tui.rule_views.approvals import ApprovalsView
from homeamp_tui.rule_views.problems import ProblemsView
from homeamp_tui.rule_views.rules import RulesView
from homeamp_tui.rule_views.view import View

__all__ = ["ApprovalsView", "ProblemsView", "RulesView", "View"]
