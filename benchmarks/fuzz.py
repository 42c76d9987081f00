"""Feed every reader hostile bytes and make edits in whatever it accepts.

    python -m benchmarks.fuzz [FORMAT]... [--seconds N] [--seeds FOLDER] [--seed N]

Each format runs in a process of its own, so that a crash of a C library is seen. A finding is an
exception other than the engine's own, a wrong edit, more than a second of processor time for one
input, or more than 200 MB of memory; inputs have up to 1 MB. A finding's input is kept in a file.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import resource
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from homeamp_agent.configfiles import (
    ConfigFilesError,
    Document,
    KeyPath,
    parse,
    propose_line_edit,
)

NAMES = {
    "yaml": "f.yml",
    "json": "f.json",
    "toml": "f.toml",
    "properties": "f.properties",
    "hocon": "f.hocon",
    "forge_cfg": "f.cfg",
    "kvp": "f.kvp",
    "ini": "f.ini",
}
MOST_SECONDS = 1.0
MOST_MEGABYTES = 200
MOST_BYTES = 1_000_000

SEEDS: dict[str, tuple[bytes, ...]] = {
    "yaml": (
        b"# c\na: 1\nb:\n  - x\n  - 'y'\n  - \"z\\n\"\nc: |\n  t\n  u\nd: {e: [1, 2], f: }\n",
        b"base: &b {x: 1}\nuse:\n  <<: *b\n  y: !!str 2\n? k\n: v\nm: >-\n  fold\n  ed\n",
        b"---\na: 12:30\nb: yes\n1: int\ntrue: b\n'q': no\nn: ~\n...\n---\nother: 1\n",
    ),
    "json": (
        b'{"a": 1, "b": [true, null, "x\\u0041"], "c": {"d": -1.5e3}}\n',
        b"{\n  // c\n  a: 'x',\n  /* d */ \"b\": [1, 2,],\n}\n",
    ),
    "toml": (
        b'a = 1\n[b]\nc = "x"\n"q.r" = [1, 2]\n[[d]]\ne = { f = 1979-05-27 }\n[[d]]\ne = 2\n',
        b"s = '''\nx\n'''\nt = \"\"\"\ny\\\n  z\"\"\"\nn = 0x1F\nf = nan\n",
    ),
    "properties": (b"#c\na=1\nb\\:c : x\\\n   y\nd e\n\\u0041=\\u0042\n!n\n",),
    "hocon": (
        b'a { b = 1, c : [1, 2\n3] }\nd.e = ${?x} text\n"q.r" = """raw"""\n# c\nf += 1\n',
        b"x = [ {a = 1}\n {b : yes} ]\ny = 5 seconds // c\n",
    ),
    "forge_cfg": (
        b"# Configuration file\n\ngeneral {\n    B:x=true\n    S:l <\n        a\n     >\n}\n",
    ),
    "kvp": (b'Core.Name=x=y\nMeta.J={"a":1}\n\n#c\n',),
    "ini": (b"[s]\na = 1\n; c\nb=x y\n[t]\nc: 2\n",),
}
_SIGNS = (
    b"{ } [ ] : , - ? | > & * ! % @ ` # \" ' \\ = ~ << \n \r \t \x00 \xff \xef\xbb\xbf \xc3\xa9"
)
_WORDS = b"[[ \"\"\" ''' ${ \\u12 \x85 // /* */ &a *a !!str ---\n ...\n \xe2\x80\xa8 \xff\xfe"
FRAGMENTS = (
    *_SIGNS.split(b" "),
    *_WORDS.split(b" "),
    *(b" ", b"\n", b"\r\n", b"\n  ", b"- ", b": ", b"&a ", b"!!str "),
)


def mutated(chance: random.Random, seeds: list[bytes]) -> bytes:
    """A seed with a few bytes changed, sometimes blown up to a megabyte."""
    data = bytearray(chance.choice(seeds))
    for _ in range(chance.randrange(1, 8)):
        start = chance.randrange(len(data) + 1)
        end = min(len(data), start + chance.choice((0, 0, 1, 2, 5, 20)))
        other = chance.choice(seeds)
        cut = chance.randrange(len(other) + 1)
        data[start:end] = chance.choice(
            (
                chance.choice(FRAGMENTS),
                bytes([chance.randrange(256)]),
                other[cut : cut + 30],
                bytes(data[start : start + 20]) * chance.randrange(3),
            )
        )
    if chance.random() < 0.01:
        piece = bytes(data[: chance.choice((1, 2, 3, 8, 40, 400))]) or b"x"
        if chance.random() < 0.5:
            piece = b"".join(chance.choices(FRAGMENTS, k=chance.randrange(1, 4)))
        times = chance.choice((1_000, 100_000, 1_000_000)) // len(piece)
        data[chance.randrange(len(data) + 1) : 0] = piece * times
    return bytes(data[:MOST_BYTES])


def exercise(file: str, data: bytes, chance: random.Random) -> None:
    """Read `data`; if it can be read, look at every setting and make some edits."""
    if chance.random() < 0.2:
        file = chance.choice(("f.conf", "f.cfg", "f.txt"))  # its format is told by its content
    try:
        document = parse(file, data)
        settings = document.settings
    except ConfigFilesError as error:
        str(error).encode()
        _edit_line(file, data, chance)
        return
    for setting in settings.values():
        span = setting.span
        if not 0 <= span.start <= span.end <= len(data) or setting.line < 1:
            raise AssertionError(f"span {span} of {len(data)} bytes")
        str(setting.value).encode()
    if not settings or len(data) > 20_000:
        return
    for path in chance.sample(list(settings), min(2, len(settings))):
        _edit(document, path, chance)


def _edit(document: Document, path: KeyPath, chance: random.Random) -> None:
    values = ("text", "yes", "a: b # c", 'q"\\', "l1\nl2", 7, 1.5, True, None, "")
    value: Any = chance.choice(values)
    above = path[: chance.randrange(len(path) + 1)]
    try:
        match chance.randrange(10):
            case 0:
                parse(document.file, document.unset(path))
            case 1:
                parse(document.file, document.unset(above or path))
            case 2:
                parse(document.file, document.insert((*path[:-1], "new key"), value))
            case 3:
                parse(document.file, document.insert((*above, "new", "key"), value))
            case 4:
                old = document.value(path[:-1])
                new = list(old) if isinstance(old, list) else [1, "two"]
                new[chance.randrange(len(new) + 1) :] = chance.choices(values, k=2)
                parse(document.file, document.set(path[:-1], new))
            case _:
                _set(document, path, value)
    except ConfigFilesError as error:
        str(error).encode()


def _set(document: Document, path: KeyPath, value: Any) -> None:
    """Set a scalar, and hold the engine to what it promises."""
    data = document.data
    edited = document.set(path, value)
    after = parse(document.file, edited).value(path)
    if document.typed and repr(after) != repr(value) and not isinstance(after, str):
        raise AssertionError(f"{value!r} reads back as {after!r}")
    span = document.settings[path].span
    if document.format not in ("yaml", "properties", "ini", "kvp") and not (
        edited.startswith(data[: span.start]) and edited.endswith(data[span.end :])
    ):
        raise AssertionError("bytes beside the value changed")


def _edit_line(file: str, data: bytes, chance: random.Random) -> None:
    words = data.decode("utf-8", "replace").split() or ["x"]
    key, old = (chance.choice(words)[:40].rstrip(":=") for _ in "ab")
    try:
        edit = propose_line_edit(file, data, key, old, "new # text")
    except ConfigFilesError as error:
        str(error).encode()
        return
    if edit.data == data or len(edit.data.splitlines()) != len(data.splitlines()):
        raise AssertionError("a line edit changed no line, or more than one")


def run(format_name: str, seconds: float, seed: int, seeds: list[bytes], answer: Any) -> None:
    """Fuzz one format; puts (inputs run, slowest, megabytes, findings) into `answer`."""
    chance = random.Random(seed)
    baseline = _megabytes()
    count, slowest = 0, 0.0
    findings: list[str] = []
    until = time.monotonic() + seconds
    worst_file = Path(tempfile.gettempdir()) / f"fuzz-{format_name}-current"
    while time.monotonic() < until and len(findings) < 10:
        data = mutated(chance, seeds)
        worst_file.write_bytes(data)
        fault = _fault(lambda data=data: exercise(NAMES[format_name], data, chance))  # type: ignore[misc]
        count += 1
        spent = fault[0]
        slowest = max(slowest, spent)
        grown = _megabytes() - baseline
        reason = fault[1]
        if reason is None and spent > MOST_SECONDS:
            reason = f"{spent:.1f} s"
        if reason is None and grown > MOST_MEGABYTES:
            reason = f"{grown:.0f} MB"
            baseline = _megabytes()
        if reason is not None:
            kept = worst_file.with_name(f"fuzz-{format_name}-{seed}-{len(findings)}")
            kept.write_bytes(data)
            findings.append(f"{kept} ({len(data)} bytes): {reason}")
    worst_file.unlink(missing_ok=True)
    answer.put((count, slowest, _megabytes() - baseline, findings))


def _fault(work: Callable[[], None]) -> tuple[float, str | None]:
    started = time.process_time()
    try:
        work()
    except Exception:
        return time.process_time() - started, traceback.format_exc(limit=-3)
    return time.process_time() - started, None


def _megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main(arguments: list[str] | None = None) -> int:
    """Fuzz; exit 1 on a finding."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fuzz", description=__doc__)
    parser.add_argument("formats", nargs="*", metavar="FORMAT", choices=[*NAMES, []])
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--seeds", metavar="FOLDER", help="real files to start from, too")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    options = parser.parse_args(arguments)
    failed = False
    for format_name in options.formats or NAMES:
        seeds = list(SEEDS[format_name])
        if options.seeds:
            suffix = Path(NAMES[format_name]).suffix
            below = sorted(Path(options.seeds).rglob("*" + suffix))
            seeds += [path.read_bytes()[:8_000] for path in below if path.is_file()]
        context = multiprocessing.get_context("spawn")
        answer = context.Queue()
        work = (format_name, options.seconds, options.seed, seeds, answer)
        process = context.Process(target=run, args=work)
        process.start()
        process.join(options.seconds + 120)
        if answer.empty():
            process.kill()
            count, slowest, megabytes, findings = (
                0,
                0.0,
                0.0,
                ["crashed or hung; see fuzz-*-current"],
            )
        else:
            count, slowest, megabytes, findings = answer.get()
        print(
            f"{format_name:<12}{count:>9} inputs  slowest {slowest:5.2f} s  "
            f"memory {megabytes:4.0f} MB  findings {len(findings)}",
            flush=True,
        )
        for finding in findings:
            print("  " + finding)
        failed = failed or bool(findings)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
