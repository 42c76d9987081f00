"""Prose between diffs is broken where it does not fit; text of files is not."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from homeamp_tui.plans import reversed_diff
from homeamp_tui.widgets.diff_view import Line, diff_lines, heading_line, note_lines
from homeamp_tui.widgets.wrapping import wrapped


def texts(line: Line, width: int) -> list[str]:
    return ["".join(text for text, _ in row) for row in wrapped(line, width)]


def test_a_reason_is_read_to_its_end_on_a_narrow_screen() -> None:
    (line,) = note_lines("refused: the path leads out of the instance's folder", "diff--warning")
    assert texts(line, 80) == ["refused: the path leads out of the instance's folder"]
    assert texts(line, 30) == ["refused: the path leads out of", "  the instance's folder"]


def test_what_follows_a_label_or_a_clock_stands_under_itself() -> None:
    line: Line = (("tags       ", "diff--note"), ("backend, paper, creative", "diff--plain"))
    assert texts(line, 24) == ["tags       backend,", " " * 11 + "paper,", " " * 11 + "creative"]
    clock: Line = (("12:00:01  ", "diff--number"), ("wave 2 is written", "diff--error"))
    assert texts(clock, 20) == ["12:00:01  wave 2 is", " " * 10 + "written"]


@pytest.mark.parametrize("width", range(20, 60, 7))
@pytest.mark.parametrize("text", ["x" * 200, "日本語" * 30, "a " * 90, "  - " + "word " * 20])
def test_nothing_is_lost_and_no_row_is_too_wide(text: str, width: int) -> None:
    (line,) = note_lines(text)
    rows = wrapped(line, width)
    joined = "".join(piece for row in rows for piece, _ in row)
    assert joined.replace(" ", "") == text.replace(" ", "")
    assert all(len(row) for row in rows)
    assert max(sum(cell_len(piece) for piece, _ in row) for row in rows) <= width


def test_lines_of_files_stay_as_they_are() -> None:
    long = "motd=" + "word " * 60
    for line in diff_lines(f"--- a\n+++ b\n@@ -1,2 +1,2 @@\n same {long}\n-{long}\n+{long}x\n"):
        assert wrapped(line, 40) == [line]
    assert len(wrapped(heading_line("alder › HUB01  plugins/x.yml", "after a restart"), 30)) == 2


def test_a_character_that_is_no_end_of_a_line_breaks_no_line_of_a_diff() -> None:
    diff = "--- a\n+++ b\n@@ -1 +1 @@\n-a: 1\u2028+b\x0c\n+a: 2\u2028+b\x0c\n"
    shown = ["".join(text for text, _ in line).strip() for line in diff_lines(diff)]
    assert shown == ["@@ -1 +1 @@", "1 - a: 1\ufffd+b\u240c", "1 + a: 2\ufffd+b\u240c"]
    assert reversed_diff(diff).split("\n")[3:] == ["-a: 2\u2028+b\x0c", "+a: 1\u2028+b\x0c"]
