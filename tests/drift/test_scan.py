"""A scan reads what changed, parses what is new, masks at once, and no file stops it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeamp_agent.configfiles import DEFAULT_LIMITS, Limits
from homeamp_agent.drift import workers
from homeamp_agent.drift.content import (
    Content,
    Job,
    content_key,
    masker_mark,
    pack,
    read_content,
    unpack,
)
from homeamp_agent.drift.reading import Unread, read_whole
from homeamp_agent.drift.scan import Scanner
from homeamp_agent.drift.workers import ScanStopped, read_all
from homeamp_agent.instances import discover
from homeamp_agent.model.pattern import Pattern
from homeamp_agent.model.secret import Masker, SecretPolicy
from homeamp_agent.model.setting import KeyPath
from homeamp_agent.model.snapshot import InstanceSnapshot, SettingTable

MASKER = Masker(bytes(32))
MAX = DEFAULT_LIMITS.max_bytes
LATER = 1 << 62
"""A clock by which every file was written long ago."""


@dataclass
class Memory:
    """A content cache; what it was asked and given is looked at by tests."""

    packed: dict[str, bytes] = field(default_factory=dict)

    def get(self, keys: Collection[str]) -> Mapping[str, bytes]:
        return {key: self.packed[key] for key in keys if key in self.packed}

    def put(self, packed: Mapping[str, bytes]) -> None:
        self.packed.update(packed)


def rest(network: Any) -> None:
    """Give every file a time well in the past, so that its stamp can be trusted."""
    for file in network.instances.rglob("*"):
        if file.is_file() and not file.is_symlink():
            os.utime(file, ns=(10**18, 10**18))


def scan(network: Any, scanner: Scanner) -> tuple[dict[str, InstanceSnapshot], Any]:
    return scanner.scan(discover(network.instances, "alder").instances)


def test_equal_files_of_many_instances_are_parsed_once(network: Any) -> None:
    for number in range(5):
        network.instance(f"SMP0{number}", {"plugins/Shop/config.yml": "a: 1\n"})
    snapshots, count = scan(network, Scanner(MASKER, workers=1))
    tables = {
        id(snapshot.files["plugins/Shop/config.yml"].table) for snapshot in snapshots.values()
    }
    assert len(tables) == 1
    # config.yml and the empty bukkit.yml
    assert (count.files, count.parsed, count.settings) == (10, 2, 5)


def test_a_second_scan_reads_only_what_changed(network: Any) -> None:
    network.instance("SMP01", {f"plugins/P{n}/config.yml": f"a: {n}\n" for n in range(10)})
    rest(network)
    scanner = Scanner(MASKER, workers=1)
    first, count = scan(network, scanner)
    assert count.read == 11
    second, count = scan(network, scanner)
    assert (count.read, count.parsed) == (0, 0)
    path = "plugins/P3/config.yml"
    assert second["SMP01"].files[path] is first["SMP01"].files[path]

    network.write("SMP01", path, "a: 33\n")
    third, count = scan(network, scanner)
    assert (count.read, count.parsed) == (1, 1)
    table = third["SMP01"].files[path].table
    assert table is not None
    assert table.value(("a",)) == 33


def test_a_file_written_just_before_it_was_read_is_read_again(network: Any) -> None:
    network.instance("SMP01", {"plugins/Shop/config.yml": "a: 1\n"})
    rest(network)
    scanner = Scanner(MASKER, workers=1)
    file = network.write("SMP01", "plugins/Shop/config.yml", "a: 2\n")
    scan(network, scanner)
    stamp = file.stat()
    file.write_text("a: 3\n")
    os.utime(file, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    snapshots, _ = scan(network, scanner)
    table = snapshots["SMP01"].files["plugins/Shop/config.yml"].table
    assert table is not None
    assert table.value(("a",)) == 3


def test_another_run_parses_nothing_that_a_cache_knows(network: Any) -> None:
    network.instance("SMP01", {"plugins/Shop/config.yml": "a: 1\nb: [x, {c: null}]\n"})
    cache = Memory()
    before, _ = scan(network, Scanner(MASKER, cache=cache, workers=1))
    after, count = scan(network, Scanner(MASKER, cache=cache, workers=1))
    assert (count.read, count.parsed) == (2, 0)
    path = "plugins/Shop/config.yml"
    assert after["SMP01"].files[path].table == before["SMP01"].files[path].table


def test_a_damaged_entry_of_the_cache_is_parsed_anew(network: Any) -> None:
    network.instance("SMP01", {"plugins/Shop/config.yml": "a: 1\n"})
    cache = Memory()
    scan(network, Scanner(MASKER, cache=cache, workers=1))
    cache.packed = dict.fromkeys(cache.packed, b"broken")
    snapshots, count = scan(network, Scanner(MASKER, cache=cache, workers=1))
    assert count.parsed == 2
    assert snapshots["SMP01"].files["plugins/Shop/config.yml"].table is not None


def test_no_secret_gets_as_far_as_the_cache(network: Any) -> None:
    config = "mysql:\n  password: hunter2\n  url: jdbc:mysql://root:hunter2@db/x\nother: 1\n"
    network.instance("SMP01", {"plugins/Shop/config.yml": config})
    cache = Memory()
    snapshots, _ = scan(network, Scanner(MASKER, cache=cache, workers=1))
    table = snapshots["SMP01"].files["plugins/Shop/config.yml"].table
    assert table is not None
    assert "hunter2" not in repr(table)
    assert all("hunter2" not in repr(unpack(each)) for each in cache.packed.values())


def test_what_a_parser_says_of_a_broken_file_quotes_no_secret() -> None:
    body = b"api-token: hunter2: [unclosed\n"
    content = read_content(Job("", "config.yml", None, body), MASKER)
    assert content.problem is not None
    assert "hunter2" not in content.problem.message


def test_another_policy_makes_every_file_unread(network: Any) -> None:

    network.instance("SMP01", {"plugins/Shop/config.yml": "banner: hunter2\n"})
    rest(network)
    scanner = Scanner(MASKER, workers=1)
    scan(network, scanner)
    assert not scanner.use_masker(Masker(bytes(32)))
    stricter = Masker(bytes(32), SecretPolicy({"*": (Pattern("^banner$"),)}))
    assert scanner.use_masker(stricter)
    snapshots, count = scan(network, scanner)
    table = snapshots["SMP01"].files["plugins/Shop/config.yml"].table
    assert count.read == 2
    assert table is not None
    assert set(table.value(("banner",))) == {"masked"}


def test_the_mark_of_a_masker_tells_keys_apart_and_gives_nothing_away() -> None:
    other = Masker(bytes(31) + b"\x01")
    assert masker_mark(MASKER) != masker_mark(other)
    assert content_key(masker_mark(MASKER), "s", "a/b.yml", "X") == content_key(
        masker_mark(MASKER), "s", "c/b.yml", "x"
    )


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (lambda file: file.write_bytes(b"\x89PNG\x00\x00"), "binary"),
        (lambda file: os.truncate(file, MAX + 1), "too_large"),
        (lambda file: os.truncate(file, 1 << 30), "too_large"),
        (lambda file: file.write_bytes(b"a: [1\n"), "unreadable"),
        (lambda file: file.write_bytes(b"a: " + b"[" * 5000), None),
    ],
    ids=["binary", "too large", "1 GB sparse", "unclosed", "nested deep"],
)
def test_a_bad_file_is_a_problem_of_its_own(network: Any, make: Any, kind: str | None) -> None:
    network.instance("SMP01", {"plugins/Shop/good.yml": "a: 1\n"})
    make(network.write("SMP01", "plugins/Shop/bad.yml", ""))
    snapshots, _ = scan(network, Scanner(MASKER, workers=1))
    files = snapshots["SMP01"].files
    problem = files["plugins/Shop/bad.yml"].problem
    assert problem is not None
    assert problem.kind == kind or kind is None
    assert files["plugins/Shop/bad.yml"].table is None
    assert files["plugins/Shop/good.yml"].table is not None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_file_without_permission_is_told_so(tmp_path: Path) -> None:
    file = tmp_path / "a.yml"
    file.write_text("a: 1\n")
    file.chmod(0)
    script = (
        "import os, sys\n"
        "from homeamp_agent.drift.reading import read_whole\n"
        "fd = os.open(sys.argv[1], os.O_PATH)\n"
        "os.setgid(65534); os.setuid(65534)\n"
        "print(read_whole(f'/proc/self/fd/{fd}', 1000, 0).problem.message)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(file)],
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
        cwd=Path(__file__).parents[2],
    )
    assert done.stdout.strip() == "cannot be read: no permission"


def test_a_folder_and_a_pipe_in_place_of_a_file_are_told_and_do_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yml")
    for path in (tmp_path / "pipe.yml", tmp_path):
        outcome = read_whole(str(path), MAX, LATER)
        assert isinstance(outcome, Unread)
        assert "not a regular file" in outcome.problem.message


def test_a_file_that_never_rests_is_told_so_and_not_half_read() -> None:
    # The kernel says 0 bytes and gives more, as a file does that grows while it is read.
    outcome = read_whole("/proc/self/status", MAX, LATER)
    assert isinstance(outcome, Unread)
    assert outcome.moving
    assert "kept changing" in outcome.problem.message


def jobs(count: int) -> list[Job]:
    return [Job(f"k{n}", "a.yml", None, f"a: {n}\n".encode() * 50) for n in range(count)]


def test_several_processes_read_the_same_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    some = [*jobs(40), Job("bad", "bad.yml", None, b"a: [1\n")]
    alone, _ = read_all(some, MASKER, DEFAULT_LIMITS, 1, threading.Event())
    monkeypatch.setattr(workers, "POOL_FROM_BYTES", 0)
    monkeypatch.setattr(workers, "CHUNK_BYTES", 500)
    together, packed = read_all(some, MASKER, DEFAULT_LIMITS, 2, threading.Event())
    assert together == alone
    assert packed.keys() == alone.keys()


def test_a_file_that_kills_its_reader_costs_only_itself(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(workers, "POOL_FROM_BYTES", 0)
    monkeypatch.setattr(workers, "CHUNK_BYTES", 500)
    monkeypatch.setattr(workers, "read_packed", deadly)
    some = [*jobs(6), Job("deadly", "deadly.yml", None, b"a: 1\n")]
    contents, _ = read_all(some, MASKER, DEFAULT_LIMITS, 2, threading.Event())
    problem = contents["deadly"].problem
    assert problem is not None
    assert "killed" in problem.message
    assert all(contents[f"k{n}"].table is not None for n in range(6))


def deadly(some: list[Job], masker: Masker, limits: Limits) -> list[tuple[str, bytes]]:
    """What a worker does, but for one file whose reading ends it as the kernel would."""
    if any(job.key == "deadly" for job in some):
        os.kill(os.getpid(), signal.SIGKILL)
    return [(job.key, pack(read_content(job, masker, limits))) for job in some]


def test_a_scan_that_is_told_to_stop_stops(network: Any) -> None:
    network.instance("SMP01", {"plugins/Shop/config.yml": "a: 1\n"})
    scanner = Scanner(MASKER, workers=1)
    scanner.stopping.set()
    with pytest.raises(ScanStopped):
        scan(network, scanner)


segments = st.one_of(st.text(max_size=5), st.integers(0, 3), st.booleans(), st.none())
paths = st.lists(segments, min_size=1, max_size=4).map(tuple)
values = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=8),
    st.just([]), st.just({}),
)  # fmt: skip


@given(st.dictionaries(paths, values, max_size=12))
def test_what_is_packed_comes_out_as_it_went_in(leaves: dict[KeyPath, Any]) -> None:
    lines = {path: number for number, path in enumerate(leaves, 1)}
    table = SettingTable(leaves, lines, typed=False, format="kvp")
    again = unpack(pack(Content(table)))
    assert again.table is not None
    assert [[(type(part), part) for part in path] for path in again.table.leaves] == [
        [(type(part), part) for part in path] for path in leaves
    ]
    assert list(again.table.leaves.values()) == list(leaves.values())
    assert again.table.lines == lines
    assert (again.table.typed, again.table.format) == (False, "kvp")
