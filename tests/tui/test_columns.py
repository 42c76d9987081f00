"""How wide the columns of lists are, and which keys are shown where not all fit."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from homeamp_tui.rule_views.approvals import ApprovalsView
from homeamp_tui.rule_views.rules import RulesView
from homeamp_tui.screens.changes import ChangesScreen
from homeamp_tui.screens.deployments import DeploymentsScreen
from homeamp_tui.screens.history import HistoryScreen
from homeamp_tui.widgets.bars import KeyShown, fitting
from homeamp_tui.widgets.column_table import GAP, MARGIN, Column, widths_for

BESIDE_CELLS = 64
"""Of a list beside its detail on a screen of 132 columns."""


@pytest.mark.parametrize(
    ("columns", "least"),
    [
        (RulesView.COLUMNS, 27),
        (ApprovalsView.COLUMNS, 17),
        (HistoryScreen.COLUMNS, 17),
        (ChangesScreen.COLUMNS, 25),
        (DeploymentsScreen.COLUMNS, 17),
    ],
)
def test_what_tells_rows_apart_has_room_also_beside_a_detail(
    columns: Sequence[Column], least: int
) -> None:
    shown = [column for column in columns if not column.wide_only]
    widths = widths_for(shown, BESIDE_CELLS)
    assert sum(widths) + len(MARGIN) + len(GAP) * (len(shown) - 1) == BESIDE_CELLS
    assert next(width for width, each in zip(widths, shown, strict=True) if not each.cells) >= least


def test_columns_keep_their_width_where_there_is_room() -> None:
    widths = widths_for(RulesView.COLUMNS, 140)
    assert widths == [15, 12, 140 - 15 - 12 - 18 - 30 - 11, 18, 30]


def test_keys_that_do_something_here_are_shown_before_those_that_do_nothing() -> None:
    keys = [
        KeyShown("a", "Approve", "nothing to approve"),
        KeyShown("p", "Apply", "nothing to apply"),
        KeyShown("L", "Load", ""),
        KeyShown("H", "History", ""),
        KeyShown("question_mark", "Help", ""),
    ]
    assert [each.key for each in fitting(keys, 80)] == [each.key for each in keys]
    assert [each.label for each in fitting(keys, 45)] == ["Approve", "Load", "History", "Help"]
    assert [each.label for each in fitting(keys, 29)] == ["Load", "Help"]
    assert [each.label for each in fitting(keys, 5)] == ["Load", "Help"]
