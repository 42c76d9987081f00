"""The panel over real HTTP. As a program:

    python -m tests.standin.serving INSTANCES [--port PORT] [--two-factor CODE]

serves a panel over a folder of instances (user `operator`, password `not-a-real-password`) and
prints its URL. A start writes what AMP owns into `server.properties`, as the real one does.
"""

from __future__ import annotations

import argparse
import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.standin.panel import PASSWORD, USER, Panel, encoded

PROXY = "ADSModule/Servers/"


def handler_for(panel: Panel) -> type[BaseHTTPRequestHandler]:
    """Answers HTTP for the panel and, behind it, for every instance."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # A page in one packet: in two, the second waits 40 ms for the first one's receipt.
        wbufsize = -1

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])) or b"{}")
            if panel.away:
                return self._reply(503, b"<html>starting</html>")
            if panel.broken:
                return self._reply(*panel.broken.pop(0))
            if panel.break_on and self.path.endswith(panel.break_on):
                panel.calls.append((self.path, body))
                return self._reply(502, b"<html>bad gateway</html>")
            method, door = self.path.removeprefix("/API/"), "panel"
            if method.startswith(PROXY):
                door = method.split("/")[2]
                method = method.split("/API/", 1)[-1]
            bearer = self.headers.get("Authorization", "").removeprefix("Bearer ")
            answer = encoded(panel.answer(door, method, body, bearer))
            lost = panel.lose_on and self.path.endswith(panel.lose_on)
            if panel.leave_on and self.path.endswith(panel.leave_on):
                panel.away = lost = True
            return self._reply(504, b"<html>too late</html>") if lost else self._reply(200, answer)

        def _reply(self, status: int, page: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(page)))
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, format: str, *args: Any) -> None:
            return

    return Handler


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hung up (it was killed, in a test) is nothing to tell of."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


@contextmanager
def serving(panel: Panel, port: int = 0) -> Iterator[str]:
    """Serve the panel; its URL."""
    server = _Server(("127.0.0.1", port), handler_for(panel))
    server.daemon_threads = True
    panel.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield panel.url
    finally:
        server.shutdown()
        thread.join(5)
        server.server_close()


def amp_settings(url: str) -> dict[str, str]:
    """What the environment of an agent says, so that it finds the panel that is served there."""
    return {
        "HOMEAMP_AMP__URL": url,
        "HOMEAMP_AMP__USER": USER,
        "HOMEAMP_AMP__PASSWORD": PASSWORD,
    }


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description="AMP's panel, as documented")
    parser.add_argument("instances", type=Path)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--two-factor", default="")
    options = parser.parse_args()
    panel = Panel.over(options.instances)
    panel.two_factor = options.two_factor
    with serving(panel, options.port) as url:
        print(url, flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
