"""
Send tasks to a worker as any other program does: by name, through the broker.

What comes of them is read from the result store itself: Celery would import the class of an
exception first, which takes longer than what is measured.
"""

from __future__ import annotations

import json
from typing import Any

from celery import Celery
from waiting import wait_until

HOST = "target"


class Tasks:
    """
    Send commands for the host to a worker and hear what comes of them.

    :param str url: of broker and result store
    """

    def __init__(self, url: str) -> None:
        self._app = Celery("tests", broker=url, backend=url)
        self._app.conf.update(task_serializer="json", result_serializer="json")

    def start(self, command: str) -> str:
        """Send a command, and return the id of the task at once."""
        return str(self._app.send_task("run_command", [HOST, command], ignore_result=False).id)

    def run(self, command: str, timeout_s: float) -> str:
        """
        Return what a command writes.

        :raises AssertionError: there is no answer in time, or the task failed
        """
        task = self.start(command)
        wait_until(lambda: self.stored(task), timeout_s, f"the result of {command}")
        done = self.stored(task)
        assert done["status"] == "SUCCESS", done
        assert done["result"]["status"] == 0, done
        return str(done["result"]["stdout"])

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
        """Forget what no worker has taken, so that the next test's does not, and hang up."""
        self._app.control.purge()
        self._app.close()
