"""
A database of advisories on loopback that knows of none, and remembers what it was asked.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

STOP_LIMIT_S = 10.0


class Advisories(ThreadingHTTPServer):
    """
    Answers as osv.dev does where nothing is known.

    :param questions: name and version of each package that was asked for
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.questions: dict[str, str] = {}

    @property
    def url(self) -> str:
        """
        Where a scanner sends its questions.
        """
        return f"http://127.0.0.1:{self.server_port}/v1/query"


class _Answer(BaseHTTPRequestHandler):
    server: Advisories

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        question: dict[str, Any] = json.loads(self.rfile.read(length))
        self.server.questions[question["package"]["name"]] = question["version"]
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *arguments: Any) -> None:
        pass


@contextlib.contextmanager
def advisories() -> Iterator[Advisories]:
    """
    Serve questions in a thread until the block ends.
    """
    with Advisories() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join(STOP_LIMIT_S)
