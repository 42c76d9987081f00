"""How wide the columns of lists are."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from homeamp_tui.rule_views.approvals import ApprovalsView
from homeamp_tui.rule_views.rules import RulesView
from homeamp_tui.screens.changes import ChangesScreen
from homeamp_tui.screens.deployments import DeploymentsScreen
from homeamp_tui.screens.history import HistoryScreen
from homeamp_tui.widgets.column_table import GAP, Column, widths_for

BESIDE_CELLS = 64
"""Of a list beside its detail on a screen of 132 columns."""


@pytest.mark.parametrize(
    ("columns", "least"),
    [
        (RulesView.COLUMNS, 28),
        (ApprovalsView.COLUMNS, 18),
        (HistoryScreen.COLUMNS, 18),
        (ChangesScreen.COLUMNS, 26),
        (DeploymentsScreen.COLUMNS, 18),
    ],
)
def test_what_tells_rows_apart_has_room_also_beside_a_detail(
    columns: Sequence[Column], least: int
) -> None:
    shown = [column for column in columns if not column.wide_only]
    widths = widths_for(shown, BESIDE_CELLS)
    assert sum(widths) + len(GAP) * len(shown) == BESIDE_CELLS
    assert next(width for width, each in zip(widths, shown, strict=True) if not each.cells) >= least


def test_columns_keep_their_width_where_there_is_room() -> None:
    widths = widths_for(RulesView.COLUMNS, 140)
    assert widths == [15, 12, 140 - 15 - 12 - 18 - 30 - 10, 18, 30]
