"""
A program of `programs/` as a process: what a test says to it, and what it answers.
"""

from __future__ import annotations

import json
import select
import subprocess
from pathlib import Path
from typing import Any

from e2e.worker_process import END_S, Watched

FOLDER = Path(__file__).parent / "programs"

#: For a call that imports, or connects first, on a loaded machine.
ANSWER_S = 30.0


class Program(Watched):
    """
    Run one program until it is ended.

    :param str python: interpreter of the environment that has what the program imports
    :param arguments: the name of the program's file, and what it is called with
    :param Path log: where its stderr goes
    """

    def __init__(self, python: str, *arguments: str, log: Path) -> None:
        self.log = log
        with log.open("wb") as errors:
            super().__init__(
                [python, *arguments],
                FOLDER,
                {"PYTHONDONTWRITEBYTECODE": "1"},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
            )

    def tell(self, method: str, *arguments: str) -> None:
        """Have it make a call, and return at once."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([method, *arguments]).encode() + b"\n")
        self._process.stdin.flush()

    def is_silent(self, watched_s: float) -> bool:
        """Tell whether no call comes back in so many seconds."""
        assert self._process.stdout is not None
        return not select.select([self._process.stdout], [], [], watched_s)[0]

    def hear(self, limit_s: float = ANSWER_S) -> dict[str, Any]:
        """
        Return what came of a call: its ``result``; its ``error``, a name, and that one's ``text``.

        :raises AssertionError: the call is not back in time
        """
        assert not self.is_silent(limit_s), f"no answer\n{self.log.read_text('utf-8')[-2000:]}"
        assert self._process.stdout is not None
        answer = self._process.stdout.readline()
        assert answer, self.log.read_text("utf-8")[-2000:]
        return dict(json.loads(answer))

    def ask(self, method: str, *arguments: str) -> Any:
        """
        Make a call and return its result.

        :raises AssertionError: it failed, or took more than `ANSWER_S`
        """
        self.tell(method, *arguments)
        answer = self.hear()
        assert not answer["error"], answer
        return answer["result"]

    def finish(self) -> int:
        """Let it end by itself and return its exit status; blocks for at most `END_S`."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        return self._process.wait(END_S)

    def end(self) -> None:
        """End whatever is left of it."""
        super().end()
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            stream.close()
