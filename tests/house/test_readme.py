"""The README keeps its word: two marked commands, and a picture that exists."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text("utf-8")


def marked(name: str) -> list[str]:
    found = re.search(rf"<!-- {name} -->\n```sh\n(.*?)```", README, re.DOTALL)
    assert found, f"README.md has no block marked {name}"
    return found[1].strip().splitlines()


def test_each_of_the_two_commands_is_one_line() -> None:
    assert len(marked("demo-command")) == 1
    assert len(marked("test-command")) == 1


def test_every_picture_it_shows_is_there() -> None:
    pictures = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", README)
    assert all((ROOT / picture).is_file() for picture in pictures)


def test_every_document_it_links_is_there() -> None:
    links = re.findall(r"(?<!!)\[[^\]]+\]\((?!https?:)([^)#]+)", README)
    assert [link for link in links if not (ROOT / link).exists()] == []
