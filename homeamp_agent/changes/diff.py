"""The unified diff that a person approves: exact in its lines, without a secret in them.

Lines are compared as they are and shown masked, so a changed secret is a changed line whose two
sides look alike. Masking is done three times over: by the places of secret settings, by the look
of a line (`Masker.mask_line`, for comments), and by the secrets' own text wherever it stands.
"""

from __future__ import annotations

import codecs
from bisect import bisect_right
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import accumulate

from homeamp_agent.configfiles import Document
from homeamp_agent.configfiles.common_ends import common_ends
from homeamp_agent.model.secret import MASK, Masker
from homeamp_agent.model.setting import dotted

CONTEXT_LINES = 3
MAX_SHOWN_LINE_CHARACTERS = 600
"""Real files hold lines of 572 KB; around the difference, this much is shown."""

MAX_MATCHED_LINES = 4_000
"""Exact matching is quadratic in the worst case (9,000 repetitive lines took 4 s): above this,
difflib's heuristic for popular lines is switched on."""

MAX_HEURISTIC_LINES = 40_000
"""Above this, what lies between the first and the last difference counts as replaced."""

MIN_LITERAL_SECRET_CHARACTERS = 4
"""Shorter secrets are masked at their place only; their text would hit innocent words."""

PICTURES = {code: 0x2400 + code for code in range(0x20) if code != 0x09} | {0x7F: 0x2421}


@dataclass(frozen=True, slots=True)
class ShownFile:
    """A file's lines for a person: `raw` to compare, `masked` to show, line for line."""

    raw: list[bytes]
    masked: list[str]


def shown_file(
    content: bytes | None,
    document: Document | None,
    masker: Masker,
    plugin: str | None,
    literals: Collection[str] = (),
) -> ShownFile:
    """The lines of `content`; without a `document` (unreadable file), masked by their look only.

    `literals` are secrets' texts (`secret_literals`) to be masked wherever they stand.
    """
    data = _as_utf8(content or b"")
    if b"\x00" in data:
        return ShownFile([data], [f"(a binary file of {len(data):,} bytes)"])
    raw = data.splitlines(keepends=True) if b"\n" not in data else _lines(data)
    starts = list(accumulate((len(line) for line in raw), initial=0))
    hidden = sorted(literals, key=len, reverse=True)
    by_line: dict[int, list[tuple[int, int]]] = {}
    for start, end in _secret_spans(document, masker, plugin):
        for number in range(bisect_right(starts, start) - 1, len(raw)):
            if starts[number] >= end:
                break
            inside = (max(start - starts[number], 0), end - starts[number])
            by_line.setdefault(number, []).append(inside)
    masked = [
        _masked_line(line, by_line.get(number, []), hidden, masker)
        for number, line in enumerate(raw)
    ]
    return ShownFile(raw, masked)


def masked_text(shown: ShownFile) -> str:
    """The whole file for a person."""
    return "\n".join(shown.masked)


def unified_diff(file: str, before: ShownFile, after: ShownFile) -> str:
    """The diff from `before` to `after`; empty if they are the same bytes.

    Memory and time are bounded by `MAX_MATCHED_LINES` and `MAX_HEURISTIC_LINES`.
    """
    changes = _changed_ranges(before.raw, after.raw)
    if not changes:
        return ""
    lines = [f"--- a/{file}", f"+++ b/{file}"]
    for group in _grouped(changes):
        lines += _hunk(group, before, after)
    return "\n".join(lines) + "\n"


Range = tuple[int, int, int, int]
"""Lines `[i1, i2)` of the old file became lines `[j1, j2)` of the new one."""


def _changed_ranges(old: list[bytes], new: list[bytes]) -> list[Range]:
    head, tail = common_ends(old, new)
    inner_old, inner_new = old[head : len(old) - tail], new[head : len(new) - tail]
    if not inner_old and not inner_new:
        return []
    size = max(len(inner_old), len(inner_new))
    if len(inner_old) == len(inner_new) and size > MAX_MATCHED_LINES:
        pairs = enumerate(zip(inner_old, inner_new, strict=True), head)
        return [(n, n + 1, n, n + 1) for n, (one, other) in pairs if one != other]
    if size > MAX_HEURISTIC_LINES:
        return [(head, len(old) - tail, head, len(new) - tail)]
    matcher = SequenceMatcher(None, inner_old, inner_new, autojunk=size > MAX_MATCHED_LINES)
    return [
        (i1 + head, i2 + head, j1 + head, j2 + head)
        for tag, i1, i2, j1, j2 in matcher.get_opcodes()
        if tag != "equal"
    ]


def _grouped(changes: list[Range]) -> list[list[Range]]:
    groups: list[list[Range]] = []
    for change in changes:
        if groups and change[0] - groups[-1][-1][1] <= 2 * CONTEXT_LINES:
            groups[-1].append(change)
        else:
            groups.append([change])
    return groups


def _hunk(group: list[Range], before: ShownFile, after: ShownFile) -> list[str]:
    lead = min(CONTEXT_LINES, group[0][0])
    trail = min(CONTEXT_LINES, len(before.raw) - group[-1][1])
    old_start, old_end = group[0][0] - lead, group[-1][1] + trail
    new_start, new_end = group[0][2] - lead, group[-1][3] + trail
    lines = [f"@@ -{_range(old_start, old_end)} +{_range(new_start, new_end)} @@"]
    here = old_start
    for i1, i2, j1, j2 in group:
        lines += [_plain(" ", before, number) for number in range(here, i1)]
        lines += _replaced(before, after, (i1, i2, j1, j2))
        here = i2
    lines += [_plain(" ", before, number) for number in range(here, old_end)]
    return lines


def _replaced(before: ShownFile, after: ShownFile, change: Range) -> list[str]:
    i1, i2, j1, j2 = change
    removed, added = before.masked[i1:i2], after.masked[j1:j2]
    for index in range(min(len(removed), len(added))):
        removed[index], added[index] = _windows(removed[index], added[index])
    return [
        *("-" + _clipped(line) + _end_note(before, i1 + n) for n, line in enumerate(removed)),
        *("+" + _clipped(line) + _end_note(after, j1 + n) for n, line in enumerate(added)),
    ]


def _windows(one: str, other: str) -> tuple[str, str]:
    """Both lines cut to where they differ, if they are too long to show whole."""
    if max(len(one), len(other)) <= MAX_SHOWN_LINE_CHARACTERS:
        return one, other
    pairs = zip(one, other, strict=False)
    first = next((n for n, (left, right) in enumerate(pairs) if left != right), 0)
    start = max(0, first - MAX_SHOWN_LINE_CHARACTERS // 4)
    lead = "…" if start else ""
    return lead + one[start:], lead + other[start:]


def _clipped(line: str) -> str:
    rest = len(line) - MAX_SHOWN_LINE_CHARACTERS
    return line if rest <= 0 else f"{line[:MAX_SHOWN_LINE_CHARACTERS]}… ({rest:,} more)"


def _plain(sign: str, shown: ShownFile, number: int) -> str:
    return sign + _clipped(shown.masked[number]) + _end_note(shown, number)


def _end_note(shown: ShownFile, number: int) -> str:
    last = number == len(shown.raw) - 1
    return "\n\\ No newline at end of file" if last and _unended(shown.raw[number]) else ""


def _unended(line: bytes) -> bool:
    return not line.endswith((b"\n", b"\r"))


def _range(start: int, end: int) -> str:
    length = end - start
    if length == 1:
        return str(start + 1)
    return f"{start + 1 if length else start},{length}"


def _lines(data: bytes) -> list[bytes]:
    lines = data.split(b"\n")
    ended = [line + b"\n" for line in lines[:-1]]
    return ended + ([lines[-1]] if lines[-1] else [])


def _as_utf8(content: bytes) -> bytes:
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16", "replace").encode("utf-8", "replace")
    return content


def secret_literals(document: Document, masker: Masker, plugin: str | None) -> set[str]:
    """The texts by which a file's secrets may stand elsewhere too, in a comment say.

    A text that is also part of a key (the password `password`) is masked at its place only.
    """
    texts = {
        text.strip()
        for path, setting in document.settings.items()
        if masker.policy.secret(path, setting.value, plugin)
        for text in str(setting.value).splitlines()
    }
    long_enough = {text for text in texts if len(text) >= MIN_LITERAL_SECRET_CHARACTERS}
    if not long_enough:
        return set()
    keys = "\n".join(dotted(path) for path in document.settings)
    return {text for text in long_enough if text not in keys}


def _secret_spans(
    document: Document | None, masker: Masker, plugin: str | None
) -> Iterator[tuple[int, int]]:
    """Byte ranges (in UTF-8) of every secret setting's token."""
    if document is None:
        return
    for path, setting in document.settings.items():
        if masker.policy.secret(path, setting.value, plugin):
            span = setting.span
            yield _utf8_offset(document.data, span.start), _utf8_offset(document.data, span.end)


def _utf8_offset(data: bytes, offset: int) -> int:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return len(_as_utf8(data[:offset]))
    return offset


def _masked_line(
    line: bytes,
    spans: list[tuple[int, int]],
    literals: list[str],
    masker: Masker,
) -> str:
    body = line.rstrip(b"\n")
    for start, end in sorted(spans, reverse=True):
        body = body[:start] + MASK.encode() + body[min(end, len(body)) :]
    text = body.removesuffix(b"\r").removeprefix(codecs.BOM_UTF8).decode("utf-8", "replace")
    for literal in literals:
        text = text.replace(literal, MASK)
    return masker.mask_line(text).translate(PICTURES)
