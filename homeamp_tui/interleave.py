"""The order in which the agents' own lists become one.

Each agent sorts, filters and counts its rows in SQLite; the dashboard only decides whose row comes
next. It never needs the rows for that: sorted by severity (ties by host), the list is all critical
rows of the first host, those of the second, then all high ones, so the counts per severity are
enough, and any window of 100,000 rows is found without reading what lies before it. Sorted by
plugin, the counts per plugin are. By instance, one host simply follows the other. By age the first
page of each host is merged row by row, and the rest follows host by host: nobody reads the
hundred-and-first newest line, and everybody reads the first.

Whatever the order, each agent's rows are taken from its own first to its last, so every row stands
in the list exactly once, even while the counts are a moment older than the rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple


class Run(NamedTuple):
    """So many rows of one agent, from `start` of its own list."""

    url: str
    start: int
    length: int


def by_buckets(totals: Mapping[str, int], buckets: Mapping[str, Mapping[Any, int]]) -> list[Run]:
    """All agents' rows of the lowest bucket, then of the next.

    `totals`: rows of each agent, in the order in which agents break ties. `buckets`: its rows per
    bucket; an agent whose counts do not add up to its total stands whole at the end, since the
    places of its rows are not known.
    """
    sound = {
        url: buckets[url]
        for url, total in totals.items()
        if url in buckets and sum(buckets[url].values()) == total
    }
    taken = dict.fromkeys(totals, 0)
    runs: list[Run] = []
    for bucket in sorted({name for counts in sound.values() for name in counts}):
        for url, counts in sound.items():
            length = counts.get(bucket, 0)
            if length:
                runs.append(Run(url, taken[url], length))
                taken[url] += length
    return runs + _rest(totals, taken)


def by_heads(totals: Mapping[str, int], heads: Mapping[str, Sequence[Any]]) -> list[Run]:
    """The first rows of every agent merged by their sort keys, the rest agent by agent.

    `heads`: the keys of each agent's first rows, ascending. Merging ends where one agent's known
    rows end and more of its rows follow, since the next one could belong anywhere.
    """
    taken = dict.fromkeys(totals, 0)
    runs: list[Run] = []
    while True:
        waiting = [url for url, total in totals.items() if taken[url] < total]
        if not waiting or any(taken[url] >= len(heads.get(url, ())) for url in waiting):
            return _joined(runs + _rest(totals, taken))
        first = min(waiting, key=lambda url: heads[url][taken[url]])
        runs.append(Run(first, taken[first], 1))
        taken[first] += 1


def one_by_one(totals: Mapping[str, int]) -> list[Run]:
    """One agent after the other."""
    return _rest(totals, dict.fromkeys(totals, 0))


def _rest(totals: Mapping[str, int], taken: Mapping[str, int]) -> list[Run]:
    return [
        Run(url, taken[url], total - taken[url])
        for url, total in totals.items()
        if total > taken[url]
    ]


def _joined(runs: Sequence[Run]) -> list[Run]:
    joined: list[Run] = []
    for run in runs:
        last = joined[-1] if joined else None
        if last is not None and last.url == run.url and last.start + last.length == run.start:
            joined[-1] = Run(run.url, last.start, last.length + run.length)
        else:
            joined.append(run)
    return joined
