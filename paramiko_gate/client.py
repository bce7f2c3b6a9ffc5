"""
The harness's end of a client program: start it, order it about, hear what happened to it.

Role: used by the cases through `paramiko_gate.trial`. Stamps each event when it arrives, so that
times are taken outside the process under test.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from paramiko_gate.servers.ending import descendants, end_all
from paramiko_gate.target import Subject

CLIENTS = Path(__file__).with_name("clients")
WORDS_KEPT = 2000


class ClientBroken(Exception):
    """Say that a client program itself failed, so that nothing is known about its target."""


@dataclass(frozen=True)
class Event:
    """
    Hold one line of a client program and the moment it arrived.

    :param float at_s: monotonic seconds
    :param dict facts: the line
    """

    at_s: float
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def is_error(self) -> bool:
        """Tell whether the order ended with an exception."""
        return bool(self.facts["event"] == "error")


class Client:
    """
    Order one ``session.py`` about.

    Thread-safety: one thread; a second one of its own reads what the program says.
    """

    def __init__(self, subject: Subject, directory: Path, stderr: IO[bytes]) -> None:
        self._stderr = stderr
        self._events: queue.Queue[Event | None] = queue.Queue()
        self._unread: list[Event] = []
        self._process = subprocess.Popen(
            [*subject.interpreter, str(CLIENTS / "session.py"), subject.module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            cwd=directory,
            env=subject.environment,
            # Ctrl-C in a terminal is for the harness; the client is ended by it.
            start_new_session=True,
        )
        self.pid = self._process.pid
        threading.Thread(target=self._listen, daemon=True).start()

    def order(self, name: str, **details: Any) -> float:
        """Send an order and return the moment it was sent, in monotonic seconds."""
        assert self._process.stdin is not None
        line = json.dumps({"do": name, **details}) + "\n"
        sent_s = time.monotonic()
        try:
            self._process.stdin.write(line.encode("ascii"))
            self._process.stdin.flush()
        except OSError:
            raise self._broken(f"could not be told to {name}") from None
        return sent_s

    def await_event(self, name: str, kinds: tuple[str, ...], until_s: float) -> Event | None:
        """
        Return the next event of an order; others are kept for later.

        :param float until_s: monotonic seconds; waits no longer than that
        :returns: None when there was none in time
        :raises ClientBroken: the program ended
        """
        while True:
            for event in self._unread:
                if event.facts.get("do") == name and event.facts["event"] in kinds:
                    self._unread.remove(event)
                    return event
            try:
                event_or_end = self._events.get(timeout=max(0.0, until_s - time.monotonic()))
            except queue.Empty:
                return None
            if event_or_end is None:
                raise self._broken("ended by itself")
            self._unread.append(event_or_end)

    def await_end(self, name: str, timeout_s: float) -> Event | None:
        """Return how an order ended, done or with an error; None when it did not in time."""
        return self.await_event(name, ("done", "error"), time.monotonic() + timeout_s)

    def do(self, name: str, timeout_s: float, **details: Any) -> Any:
        """
        Carry out an order that is no part of what is being judged, and return its result.

        :raises ClientBroken: it failed, or did not end in time
        """
        self.order(name, **details)
        end = self.await_end(name, timeout_s)
        if end is None:
            raise self._broken(f"{name} did not end within {timeout_s:g} s")
        if end.is_error:
            raise self._broken(f"{name} failed: {end.facts['class_name']}: {end.facts['text']}")
        return end.facts["result"]

    def await_started(self, timeout_s: float) -> None:
        """
        Wait until the library is imported.

        :raises ClientBroken: it was not, with what the program wrote to standard error
        """
        event = self.await_event_named("started", timeout_s)
        if event is None:
            raise self._broken(f"did not start within {timeout_s:g} s")

    def await_event_named(self, kind: str, timeout_s: float) -> Event | None:
        """Return the next event of a kind that belongs to no order."""
        try:
            event = self._events.get(timeout=timeout_s)
        except queue.Empty:
            return None
        if event is None or event.facts["event"] != kind:
            raise self._broken("ended before it had started")
        return event

    def end(self) -> None:
        """Kill the program and every process it has started, and reap it."""
        family = descendants(self.pid)
        self._process.kill()
        end_all(family)
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._events.put(Event(time.monotonic(), json.loads(line)))
        self._events.put(None)

    def _broken(self, what: str) -> ClientBroken:
        self._stderr.flush()
        self._stderr.seek(0, os.SEEK_SET)
        words = self._stderr.read().decode("utf-8", "replace").strip()[-WORDS_KEPT:]
        return ClientBroken(f"the client program {what}" + (f"\n{words}" if words else ""))


@contextlib.contextmanager
def run_client(subject: Subject, directory: Path, start_timeout_s: float) -> Iterator[Client]:
    """
    Run a client program until the block is left; it is killed then, with its proxies.

    :param Subject subject: interpreter and library
    :param Path directory: its working directory
    :param float start_timeout_s: for the import of the library
    """
    with tempfile.TemporaryFile(dir=directory) as stderr:
        client = Client(subject, directory, stderr)
        try:
            client.await_started(start_timeout_s)
            yield client
        finally:
            client.end()
