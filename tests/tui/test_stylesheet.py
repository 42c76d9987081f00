"""What is kept of styles: never more than the same text under the same variables."""

from __future__ import annotations

import pytest
from textual.css.stylesheet import StylesheetParseError
from textual.css.tokenizer import TokenError

from homeamp_tui.stylesheet import KeptStylesheet


def colours(sheet: KeptStylesheet) -> list[str]:
    return [rules.styles.color.hex for rules in sheet.rules]


def sheet_of(css: str, **variables: str) -> KeptStylesheet:
    sheet = KeptStylesheet(variables=variables)
    sheet.add_source(css, read_from=("here", ""))
    return sheet


def test_the_same_text_under_another_theme_is_parsed_anew() -> None:
    css = "Label { color: $primary; }"
    sheet = sheet_of(css, primary="#112233")
    assert colours(sheet) == ["#112233"]
    sheet.set_variables({"primary": "#445566"})
    sheet.reparse()
    assert colours(sheet) == ["#445566"]
    assert colours(sheet_of(css, primary="#112233")) == ["#112233"]


def test_the_same_text_is_parsed_once() -> None:
    css = "Label { color: #010203; }"
    assert sheet_of(css).rules[0] is sheet_of(css).rules[0]
    scoped = KeptStylesheet()
    scoped.add_source(css, read_from=("here", ""), scope="Panel")
    assert scoped.rules[0].selectors != sheet_of(css).rules[0].selectors


def test_text_that_is_wrong_is_refused_each_time_and_replaces_nothing() -> None:
    sheet = sheet_of("Label { color: #010203; }")
    sheet.parse()
    sheet.add_source("Label { color: }", read_from=("there", ""))
    for _ in range(2):
        with pytest.raises((StylesheetParseError, TokenError)):
            sheet.reparse()
        sheet.set_variables({})
    sheet.source.popitem()
    sheet.reparse()
    assert colours(sheet) == ["#010203"]
