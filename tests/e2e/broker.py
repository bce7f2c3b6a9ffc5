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

import pytest
from waiting import wait_until

START_S = 15.0
END_S = 10.0
ATTEMPTS = 5


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
        connection = socket.create_connection(("127.0.0.1", port), 1)
        with contextlib.closing(connection):
            connection.sendall(b"PING\r\n")
            return connection.recv(7) == b"+PONG\r\n"
    return False


def _end(server: subprocess.Popen[bytes]) -> None:
    server.terminate()
    try:
        server.wait(END_S)
    finally:
        server.kill()
        server.wait()
