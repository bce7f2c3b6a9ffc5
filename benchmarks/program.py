"""
A measured client: a program in a process of its own, which needs only the library it measures.
"""

from __future__ import annotations

import contextlib
import json
import queue
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import psutil

from paramiko_gate.servers.ending import descendants, end_all
from paramiko_gate.target import Subject

CLIENTS = Path(__file__).with_name("clients")
START_LIMIT_S = 60.0
WORDS_KEPT = 300


class Broken(Exception):
    """
    Say that a client program did not do what it was told, and what it said last.
    """


class Program:
    """
    Exchange JSON lines with one client program.

    Thread-safety: one thread; a second one of its own reads what the program says.
    """

    def __init__(
        self,
        subject: Subject,
        script: str,
        directory: str,
        stderr: IO[bytes],
        prefix: tuple[str, ...],
    ) -> None:
        self._stderr = stderr
        self._family: list[psutil.Process] = []
        self._lines: queue.Queue[bytes] = queue.Queue()
        self._process = subprocess.Popen(
            [*prefix, *subject.interpreter, str(CLIENTS / script), subject.module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            cwd=directory,
            env=subject.environment,
            # Ctrl-C in a terminal is for the benchmark, which then ends its clients.
            start_new_session=True,
        )
        self.pid = self._process.pid
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def tell(self, order: Any) -> None:
        """
        Send an order.

        :raises Broken: the program is gone
        """
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(order).encode("ascii") + b"\n")
            self._process.stdin.flush()
        except OSError:
            raise self._broken("is gone") from None

    def hear(self, limit_s: float) -> dict[str, Any]:
        """
        Return the next answer.

        :raises Broken: there was none within ``limit_s`` seconds, or the program is gone
        """
        deadline = time.monotonic() + limit_s
        while True:
            try:
                line = self._lines.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise self._broken(f"no answer within {limit_s:g} s") from None
            if not line:
                raise self._broken("the program ended")
            # A library may print while it is imported.
            with contextlib.suppress(ValueError):
                answer = json.loads(line)
                if isinstance(answer, dict):
                    return answer

    def wait(self, limit_s: float) -> None:
        """
        Let the program end by itself: it is told nothing more.

        :raises Broken: it has not, within ``limit_s`` seconds
        """
        assert self._process.stdin is not None
        self._family = descendants(self.pid)
        self._process.stdin.close()
        try:
            self._process.wait(limit_s)
        except subprocess.TimeoutExpired:
            raise self._broken(f"still there after {limit_s:g} s") from None

    def end(self) -> None:
        """
        Kill the program and every process it has started, and reap it.
        """
        self._family += descendants(self.pid)
        self._process.kill()
        end_all(self._family)
        self._process.wait()
        self._listener.join()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put(b"")

    def _broken(self, what: str) -> Broken:
        self._stderr.seek(0)
        words = self._stderr.read().decode("utf-8", "replace").strip()[-WORDS_KEPT:]
        return Broken(f"{what}: {words.splitlines()[-1]}" if words else what)


@contextlib.contextmanager
def run_program(subject: Subject, script: str, prefix: tuple[str, ...] = ()) -> Iterator[Program]:
    """
    Run a client program, from when it has imported its library until the block is left.

    :param Subject subject: interpreter and library
    :param str script: one of ``clients/``
    :param tuple prefix: the words of a program that runs it, such as strace
    :raises Broken: the program did not start
    """
    with tempfile.TemporaryDirectory() as directory, tempfile.TemporaryFile() as stderr:
        program = Program(subject, script, directory, stderr, prefix)
        try:
            program.hear(START_LIMIT_S)
            yield program
        finally:
            program.end()
