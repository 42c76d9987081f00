"""A process that has imported all of `homeamp-agent`, and forks it on demand.

    python -m tests.fork_server SOCKET_FD

Two thirds of what a short-lived agent costs is its imports. A fork of this process has them and
nothing else: no thread, no open file, no loop; from there on it is the command line as `__main__`
runs it. Each order is one packet: arguments, environment and folder as JSON, with four files, which
are stdin, stdout, stderr, and the one on which the process id and then the exit status are told.
"""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import selectors
import signal
import socket
import sys
from typing import Any

import httpx  # noqa: F401 - like the next, which the agent imports when it needs it
import openpyxl  # noqa: F401

import homeamp_agent
from homeamp_agent import cli

LONGEST_ORDER = 128 * 1024
FILES = 4


def serve(orders: socket.socket) -> list[str] | None:
    """Fork until the orders end. In a fork: the arguments to run with; at the end: None."""
    awaited: dict[int, int] = {}
    ended_r, ended_w = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(ended_w)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    with selectors.DefaultSelector() as ready:
        ready.register(orders, selectors.EVENT_READ)
        ready.register(ended_r, selectors.EVENT_READ)
        while True:
            names = [key.fd for key, _ in ready.select()]
            if ended_r in names:
                os.read(ended_r, 4096)
                _tell_ended(awaited)
            if orders.fileno() not in names:
                continue
            packet, files, _, _ = socket.recv_fds(orders, LONGEST_ORDER, FILES)
            if not packet:
                return None
            child = os.fork()
            if child == 0:
                break
            awaited[child] = files.pop()
            os.write(awaited[child], f"{child}\n".encode())
            for file in files:
                os.close(file)
    for file in (*awaited.values(), files.pop(), ended_r, ended_w):
        os.close(file)
    orders.close()
    return _become(json.loads(packet), files)


def _tell_ended(awaited: dict[int, int]) -> None:
    while awaited:
        child, status = os.waitpid(-1, os.WNOHANG)
        if child == 0:
            return
        told = awaited.pop(child)
        os.write(told, f"{os.waitstatus_to_exitcode(status)}\n".encode())
        os.close(told)


def _become(order: dict[str, Any], files: list[int]) -> list[str]:
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for wanted, file in enumerate(files):
        os.dup2(file, wanted)
        os.close(file)
    os.environ.clear()
    os.environ.update(order["environment"])
    os.chdir(order["folder"])
    sys.argv[1:] = order["arguments"]
    return list(order["arguments"])


if __name__ == "__main__":
    # A terminal's interrupt is for the run of the tests, whose end ends this.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for module in pkgutil.walk_packages(homeamp_agent.__path__, "homeamp_agent."):
        importlib.import_module(module.name)
    arguments = serve(socket.socket(fileno=int(sys.argv[1])))
    if arguments is not None:
        sys.exit(cli.main(arguments))
