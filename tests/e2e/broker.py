"""
A redis-server on loopback with a directory of its own: broker and result store of the tests.
"""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from waiting import wait_until

START_S = 15.0
END_S = 10.0
ATTEMPTS = 5
ASK_S = 5.0


@contextlib.contextmanager
def run_redis(directory: Path) -> Iterator[str]:
    """
    Run it until the block is left, and return its URL.

    Blocks until it answers, at most `START_S` for each of a few ports.
    """
    program = shutil.which("redis-server")
    if program is None:
        pytest.fail("redis-server is missing: apt-get install redis-server", pytrace=False)
    with contextlib.ExitStack() as stack:
        for attempt in range(ATTEMPTS):
            port = free_port()
            log = directory / f"redis-{attempt}.log"
            command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
            command += ["--dir", str(directory), "--logfile", str(log)]
            server = subprocess.Popen(command, stdin=subprocess.DEVNULL)
            stack.callback(_end, server)
            if _starts(server, port):
                yield f"redis://127.0.0.1:{port}/0"
                return
        pytest.fail(f"redis-server does not start: {log.read_text('utf-8')[-500:]}", pytrace=False)


def _starts(server: subprocess.Popen[bytes], port: int) -> bool:
    wait_until(
        lambda: answers(port) or server.poll() is not None, START_S, "a redis-server that answers"
    )
    return server.poll() is None


def free_port() -> int:
    """Return a port that nobody has just now; another may take it first."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def answers(port: int) -> bool:
    """Tell whether a Redis is there."""
    with contextlib.suppress(OSError):
        return _ask(port, b"PING") == b"+PONG\r\n"
    return False


def clear(url: str) -> None:
    """Have a Redis forget everything, also what a worker had taken that was killed."""
    port = urlsplit(url).port
    assert port is not None
    assert _ask(port, b"FLUSHALL") == b"+OK\r\n"


def _ask(port: int, command: bytes) -> bytes:
    with contextlib.closing(socket.create_connection(("127.0.0.1", port), ASK_S)) as connection:
        connection.sendall(command + b"\r\n")
        return connection.recv(64)


def _end(server: subprocess.Popen[bytes]) -> None:
    server.terminate()
    try:
        server.wait(END_S)
    finally:
        server.kill()
        server.wait()
