"""Only `changes/` opens a file for writing; the few others that keep state are named here."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

WRITING_CALLS = {
    "write_text",
    "write_bytes",
    "replace",
    "rename",
    "unlink",
    "rmdir",
    "rmtree",
    "mkstemp",
    "NamedTemporaryFile",
    "copy",
    "copy2",
    "copyfile",
    "copytree",
    "move",
    "truncate",
    "symlink_to",
    "hardlink_to",
    "touch",
}
FILE_OWNERS = {"os", "shutil", "tempfile"}

STATE_WRITERS = {
    "homeamp_agent/baselines/": "approved.yaml and exports live in the baseline directory",
    "homeamp_agent/store/": "the agent's own database, in its state directory",
    "homeamp_agent/rpc/server.py": "unlinks and makes the agent's own socket",
    "homeamp_agent/own_state.py": "the agent's own state directory: lock and masking key",
    "homeamp_agent/cli.py": "points stdout at /dev/null when its reader went away",
    "homeamp_agent/commands/output.py": "new files that the operator named, not among instances",
    "homeamp_agent/changes/": "the one door to an instance's files",
}


def agent_modules() -> list[Path]:
    return sorted((ROOT / "homeamp_agent").rglob("*.py"))


def writes_in(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = _called(node)
        if name is None:
            continue
        if name in {"open", "os.open", "io.open"} or name.endswith(".open"):
            if _opens_for_writing(node):
                yield node.lineno, name
            continue
        owner, _, method = name.rpartition(".")
        if method in {"write_text", "write_bytes", "symlink_to", "hardlink_to", "touch"} or (
            method in WRITING_CALLS and owner.split(".")[-1] in FILE_OWNERS
        ):
            yield node.lineno, name


def _called(node: ast.Call) -> str | None:
    parts: list[str] = []
    target: ast.expr = node.func
    while isinstance(target, ast.Attribute):
        parts.append(target.attr)
        target = target.value
    parts.append(target.id if isinstance(target, ast.Name) else "?")
    return ".".join(reversed(parts))


def _opens_for_writing(node: ast.Call) -> bool:
    plain = isinstance(node.func, ast.Name)
    positional = node.args[1:2] if plain else node.args[:1]
    modes = [*positional, *(each.value for each in node.keywords if each.arg == "mode")]
    flags = {inner.attr for inner in ast.walk(node) if isinstance(inner, ast.Attribute)}
    return bool(flags & {"O_WRONLY", "O_RDWR", "O_CREAT", "O_APPEND"}) or any(
        isinstance(mode, ast.Constant)
        and isinstance(mode.value, str)
        and set(mode.value) & set("wxa+")
        and set(mode.value) <= set("rwxab+tU")
        for mode in modes
    )


def test_no_module_outside_changes_opens_a_file_for_writing() -> None:
    offenders = []
    for module in agent_modules():
        name = module.relative_to(ROOT).as_posix()
        if any(name == allowed or name.startswith(allowed) for allowed in STATE_WRITERS):
            continue
        for line, call in writes_in(ast.parse(module.read_text("utf-8"))):
            offenders.append(f"{name}:{line}: {call}")
    assert offenders == []


@pytest.mark.parametrize(
    "source",
    [
        "open('x', 'w')",
        "path.open('ab')",
        "os.open(path, os.O_WRONLY | os.O_CREAT)",
        "path.write_text('x')",
        "shutil.rmtree(path)",
        "os.replace(a, b)",
    ],
)
def test_the_search_sees_every_way_to_write(source: str) -> None:
    assert list(writes_in(ast.parse(source)))


@pytest.mark.parametrize("source", ["open('x')", "path.open('rb')", "text.replace('a', 'b')"])
def test_the_search_lets_reading_pass(source: str) -> None:
    assert list(writes_in(ast.parse(source))) == []
