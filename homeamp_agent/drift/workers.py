"""Parsing many files on several cores, in processes that may die without taking the agent along."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.context import BaseContext

from homeamp_agent.configfiles import Limits
from homeamp_agent.drift.content import Content, Job, pack, read_content, read_packed, unpack
from homeamp_agent.model.secret import Masker
from homeamp_agent.model.snapshot import FileProblem

POOL_FROM_BYTES = 2 * 1024 * 1024
"""Less is parsed (0.25 s a megabyte) before two processes have started."""

CHUNK_BYTES = 128 * 1024
"""Work handed to a process at a time: small enough that both end together."""


class ScanStopped(Exception):
    """The agent is stopping; what was read so far is dropped."""


def read_all(
    jobs: Sequence[Job],
    masker: Masker,
    limits: Limits,
    workers: int,
    stopping: threading.Event,
) -> tuple[dict[str, Content], dict[str, bytes]]:
    """The contents of `jobs` by key, and those packed already that a worker process packed.

    Raises:
        ScanStopped: `stopping` was set.
    """
    total = sum(len(job.body) for job in jobs)
    processes = min(workers, os.cpu_count() or 1)
    if processes < 2 or total < POOL_FROM_BYTES:
        contents: dict[str, Content] = {}
        for job in jobs:
            _go_on(stopping)
            contents[job.key] = read_content(job, masker, limits)
        return contents, {}
    packed = dict(_in_processes(jobs, masker, limits, processes, stopping))
    return {key: unpack(body) for key, body in packed.items()}, packed


def _go_on(stopping: threading.Event) -> None:
    if stopping.is_set():
        raise ScanStopped


def _in_processes(
    jobs: Sequence[Job],
    masker: Masker,
    limits: Limits,
    processes: int,
    stopping: threading.Event,
) -> Iterator[tuple[str, bytes]]:
    lost: list[Job] = []
    # Not forked from here: the agent has threads.
    context = multiprocessing.get_context("forkserver")
    with ProcessPoolExecutor(processes, mp_context=context) as pool:
        chunks = {pool.submit(read_packed, chunk, masker, limits): chunk for chunk in _chunks(jobs)}
        for future in as_completed(chunks):
            if stopping.is_set():
                pool.shutdown(wait=False, cancel_futures=True)
                raise ScanStopped
            try:
                yield from future.result()
            except BrokenProcessPool:
                lost += chunks[future]
    yield from _one_by_one(lost, masker, limits, context)


def _chunks(jobs: Sequence[Job]) -> Iterator[list[Job]]:
    """The largest first, so that no process begins one when the others have ended."""
    chunk: list[Job] = []
    size = 0
    for job in sorted(jobs, key=lambda job: -len(job.body)):
        chunk.append(job)
        size += len(job.body)
        if size >= CHUNK_BYTES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _one_by_one(
    jobs: Sequence[Job], masker: Masker, limits: Limits, context: BaseContext
) -> Iterator[tuple[str, bytes]]:
    """After a process died: each file by itself, so that the one that kills its reader is known."""
    waiting = list(jobs)
    while waiting:
        with ProcessPoolExecutor(1, mp_context=context) as pool:
            while waiting:
                job = waiting.pop()
                try:
                    yield from pool.submit(read_packed, [job], masker, limits).result()
                except BrokenProcessPool:
                    message = "cannot be read: its reader was killed (out of memory?)"
                    problem = FileProblem("unreadable", message)
                    yield job.key, pack(Content(None, problem))
                    break
