"""
Send tasks to a worker as any other program does: by name, through the broker.

What comes of them is read from the result store itself: Celery would import the class of an
exception first, which takes longer than what is measured.
"""

from __future__ import annotations

import json
import secrets
import time
from typing import Any

import psutil
from celery import Celery
from waiting import wait_until

HOST = "target"
#: For a task that connects first, on a loaded machine.
RUN_S = 30.0


def endless_command() -> str:
    """Return a command that does not end, and that is no other test's."""
    return f"exec sleep 600.{secrets.randbelow(10**9)}"


def runs(command: str) -> bool:
    """Tell whether the host runs a command of `endless_command`."""
    words = command.split()[1:]
    return any(process.info["cmdline"] == words for process in psutil.process_iter(["cmdline"]))


class Tasks:
    """
    Send commands for the host to a worker and hear what comes of them.

    :param str url: of broker and result store
    """

    def __init__(self, url: str) -> None:
        self._app = Celery("tests", broker=url, backend=url)
        self._app.conf.update(task_serializer="json", result_serializer="json")

    def start(self, command: str, host: str = HOST) -> str:
        """Send a command, and return the id of the task at once."""
        return str(self._app.send_task("run_command", [host, command], ignore_result=False).id)

    def start_blocked(self) -> str:
        """Start a command that does not end, and return when the host runs it."""
        command = endless_command()
        blocked = self.start(command)
        wait_until(lambda: runs(command), RUN_S, "the command on the host")
        return blocked

    def run(self, command: str, timeout_s: float = RUN_S, host: str = HOST) -> str:
        """
        Return what a command writes.

        :raises AssertionError: there is no answer in time, or the task failed
        """
        task = self.start(command, host)
        self.wait(task, timeout_s)
        done = self.stored(task)
        assert done["status"] == "SUCCESS", done
        assert done["result"]["status"] == 0, done
        return str(done["result"]["stdout"])

    def wait(self, task: str, timeout_s: float = RUN_S) -> float:
        """
        Return after how many seconds a task is done.

        :raises AssertionError: it is not in time
        """
        started = time.monotonic()
        wait_until(lambda: self.stored(task), timeout_s, f"what comes of task {task}")
        return time.monotonic() - started

    def is_silent(self, task: str, watched_s: float) -> bool:
        """Tell whether nothing at all comes of a task in so many seconds."""
        try:
            self.wait(task, watched_s)
        except AssertionError:
            return True
        return False

    def succeeds(self, command: str, limit_s: float) -> bool:
        """Tell whether a command is carried out in so many seconds."""
        task = self.start(command)
        return not self.is_silent(task, limit_s) and self.stored(task)["status"] == "SUCCESS"

    def revoke(self, task: str) -> None:
        """Have a task ended that is running."""
        self._app.control.revoke(task, terminate=True)

    def stored(self, task: str) -> dict[str, Any]:
        """Return what the result store has of a task; nothing while it is not done."""
        backend = self._app.backend
        content = backend.get(backend.get_key_for_task(task))
        return json.loads(content) if content is not None else {}

    def failure(self, task: str) -> Exception:
        """Return the exception that Celery gives to who asks for the result."""
        stored = self.stored(task)
        assert stored["status"] == "FAILURE", stored
        error = self._app.backend.exception_to_python(stored["result"])
        assert isinstance(error, Exception)
        return error

    def close(self) -> None:
        """Hang up."""
        self._app.close()
