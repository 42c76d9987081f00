"""The table of deviations, and of groups of them: columns that fit the width they get."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, NamedTuple

from rich.segment import Segment
from rich.style import Style

from homeamp_agent.model.deviation import Deviation, DeviationGroup, DeviationStatus
from homeamp_agent.model.rule import Severity
from homeamp_tui.choosing import by_host
from homeamp_tui.groups import Group
from homeamp_tui.widgets.virtual_table import VirtualTable
from homeamp_tui.words import (
    KIND_WORDS,
    SEVERITY_WORDS,
    STATUS_MARKS,
    actual_text,
    age_text,
    expected_text,
    fit,
    fit_apart,
    fit_middle,
    place_text,
    plain,
    side_text,
)

WIDE_CELLS = 96
"""From here on there is room for the plugin and the whole host."""
MIDDLE_CELLS = 74
"""From here on there is room for a short host and the age."""
MARK_CELLS = 3
SEVERITY_CELLS = 4
AGE_CELLS = 4


class Columns(NamedTuple):
    """Widths in cells; 0: not shown."""

    host: int
    instance: int
    plugin: int
    key: int
    expected: int
    actual: int
    age: int


def columns_for(width: int, hosts: int) -> Columns:
    """Columns for a table of this width over so many hosts."""
    wide = width >= WIDE_CELLS
    host = 0 if hosts < 2 or width < MIDDLE_CELLS else 8 if wide else 5
    instance, plugin = (10, 16) if wide else (8, 0)
    age = AGE_CELLS if width >= MIDDLE_CELLS else 0
    fixed = sum(cells + 1 for cells in (host, instance, plugin, age) if cells)
    rest = max(24, width - MARK_CELLS - SEVERITY_CELLS - 1 - fixed - 2)
    key = rest * (42 if wide else 44) // 100
    expected = (rest - key) // 2
    return Columns(host, instance, plugin, key, expected, rest - key - expected, age)


class DeviationTable(VirtualTable):
    """Deviations, or groups of them, by index from whoever owns them."""

    DEFAULT_CSS = """
    DeviationTable {
        & > .row--muted { color: $muted; }
        & > .row--faint { color: $faint; }
        & > .row--picked { background: $picked; }
        & > .row--fresh { background: $fresh; }
        & > .row--mark { color: $primary; text-style: bold; }
        & > .row--expected { color: $success; }
        & > .row--actual { color: $foreground; text-style: bold; }
        & > .row--odd { color: $foreground; text-style: italic; }
        & > .row--gone { color: $faint; text-style: strike; }
        & > .severity--critical { color: $background; background: $error; text-style: bold; }
        & > .severity--high { color: $error; text-style: bold; }
        & > .severity--medium { color: $warning; }
        & > .severity--low { color: $low; }
        & > .severity--info { color: $muted; }
    }
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "row--muted",
        "row--faint",
        "row--picked",
        "row--fresh",
        "row--mark",
        "row--expected",
        "row--actual",
        "row--odd",
        "row--gone",
        *(f"severity--{severity.value}" for severity in Severity),
    }

    def __init__(
        self,
        row_at: Callable[[int], Deviation | Group | None],
        *,
        is_picked: Callable[[int], bool],
        is_fresh: Callable[[str], bool],
        is_gone: Callable[[str], bool],
        is_lost: Callable[[str], bool],
        id: str | None = None,
    ) -> None:
        super().__init__(id=id)
        self._row_at = row_at
        self._is_picked, self._is_fresh = is_picked, is_fresh
        self._is_gone, self._is_lost = is_gone, is_lost
        self.hosts = 1
        self.grouped = False

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(name, partial=True)

    def row_style(self, index: int) -> Style:
        style = super().row_style(index)
        if style.bgcolor is not None:
            return style
        if self._is_picked(index):
            return self._style("row--picked")
        row = self._row_at(index)
        if isinstance(row, Deviation) and self._is_fresh(row.id):
            return self._style("row--fresh")
        return style

    def heading(self, width: int) -> list[Segment]:
        if self.grouped:
            return _group_heading(width)
        columns = columns_for(width, self.hosts)
        cells = [" " * MARK_CELLS, fit("SEV", SEVERITY_CELLS), " "]
        for name, cell in (
            ("HOST", columns.host),
            ("INSTANCE", columns.instance),
            ("PLUGIN", columns.plugin),
            ("SETTING", columns.key),
            ("EXPECTED", columns.expected),
            ("ACTUAL", columns.actual),
        ):
            if cell:
                cells += [fit(name, cell), " "]
        if columns.age:
            cells.append(f"{'AGE':>{columns.age}}")
        return [Segment("".join(cells))]

    def line(self, index: int, width: int) -> list[Segment] | None:
        row = self._row_at(index)
        if row is None:
            return None
        if isinstance(row, Group):
            return self._group_line(index, row, width)
        return self._deviation_line(index, row, width)

    def _marks(self, index: int, status: str, *, fresh: bool) -> list[Segment]:
        picked = " "
        if self._is_picked(index):
            picked = "◉" if index == self.cursor else "●"
        return [Segment(f"{picked}{status}{'+' if fresh else ' '}", self._style("row--mark"))]

    def _severity(self, severity: Severity) -> list[Segment]:
        style = self._style(f"severity--{severity.value}")
        return [Segment(fit(SEVERITY_WORDS[severity], SEVERITY_CELLS), style), Segment(" ")]

    def _deviation_line(self, index: int, row: Deviation, width: int) -> list[Segment]:
        columns = columns_for(width, self.hosts)
        lost, muted = self._is_lost(row.host), self._style("row--muted")
        expected, actual = self._style("row--expected"), self._style(_actual_style(row))
        if self._is_gone(row.id):
            expected = actual = muted = plain_style = self._style("row--gone")
        elif lost or row.status in {DeviationStatus.APPROVED, DeviationStatus.FIXED}:
            expected = actual = plain_style = muted
        else:
            plain_style = Style.null()
        sides = fit_apart(
            (expected_text(row), actual_text(row)), (columns.expected, columns.actual)
        )
        segments = self._marks(index, STATUS_MARKS[row.status], fresh=self._is_fresh(row.id))
        segments += self._severity(row.severity)
        for text, cells, style in (
            (fit(plain(row.host), columns.host), columns.host, muted),
            (fit(plain(row.instance), columns.instance), columns.instance, plain_style),
            (fit(plain(row.plugin or "·"), columns.plugin), columns.plugin, muted),
            (fit_middle(place_text(row), columns.key), columns.key, plain_style),
            (sides[0], columns.expected, expected),
            (sides[1], columns.actual, actual),
        ):
            if cells:
                segments += [Segment(text, style), Segment(" ")]
        if columns.age:
            age = "lost" if lost else age_text(row.first_seen)
            segments.append(Segment(f"{age:>{columns.age}}", self._style("row--muted")))
        return segments

    def _group_line(self, index: int, group: Group, width: int) -> list[Segment]:
        head, muted = group.head, self._style("row--muted")
        count, plugin, key, expected, actual, names = _group_columns(width)
        where = plain(_places_text(group))
        sides = fit_apart((_group_expected(head), _group_actual(head)), (expected, actual))
        return [
            *self._marks(index, " ", fresh=False),
            *self._severity(head.severity),
            Segment(f"{group.count:>{count - 1},}×", self._style("row--mark")),
            Segment(f" {fit(plain(head.plugin or '·'), plugin)} ", muted),
            Segment(fit_middle(plain(head.key or head.file or head.plugin or ""), key) + " "),
            Segment(sides[0] + " ", self._style("row--expected")),
            Segment(sides[1] + " ", self._style("row--actual")),
            Segment(fit(where, names), muted),
        ]


def _actual_style(row: Deviation) -> str:
    return "row--actual" if row.actual is not None else "row--odd"


def _places_text(group: Group) -> str:
    """The instances, by host where they are on several: two hosts may both have a HUB01."""
    hosts = by_host((instance, host) for host, instance in group.places)
    if len(hosts) == 1:
        return " ".join(*hosts.values())
    return " · ".join(f"{host}: {' '.join(names)}" for host, names in hosts.items())


def _group_expected(head: DeviationGroup) -> str:
    return side_text(head.kind, head.expected)


def _group_actual(head: DeviationGroup) -> str:
    return side_text(head.kind, head.actual) if head.actual is not None else KIND_WORDS[head.kind]


def _group_columns(width: int) -> tuple[int, int, int, int, int, int]:
    wide = width >= WIDE_CELLS
    count, plugin = 6, 16 if wide else 10
    rest = max(30, width - MARK_CELLS - SEVERITY_CELLS - 1 - count - plugin - 5)
    key = rest * 34 // 100
    value = rest * 20 // 100
    return count, plugin, key, value, value, rest - key - 2 * value


def _group_heading(width: int) -> list[Segment]:
    count, plugin, key, expected, actual, names = _group_columns(width)
    return [
        Segment(
            " " * MARK_CELLS
            + fit("SEV", SEVERITY_CELLS)
            + f" {'COUNT':>{count}} {fit('PLUGIN', plugin)} {fit('SETTING', key)} "
            + f"{fit('EXPECTED', expected)} {fit('ACTUAL', actual)} {fit('INSTANCES', names)}"
        )
    ]
