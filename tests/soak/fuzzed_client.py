"""
A client whose server talks nonsense: it connects, runs a command and uses SFTP as far as it gets.

Runs in a program of its own. What it must not do is to hang beyond its own time limits, to spin,
to raise what no caller expects, or to let a thread of its own die of it.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import logging
import os
import random
import socket
import subprocess
import sys
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from matrix.scene import Threads
from soak.garbled import LOOPBACK, Garbler
from soak.login import log_in
from waiting import Call

from benchmarks.clients.cycles import count, settled
from benchmarks.idle import choose_relay

#: Each step's own time limit, in seconds. A healthy one takes a tenth of it.
STEP_S = 0.5

#: All steps together: six have a limit, of which the first has three.
SESSION_S = 8 * STEP_S

#: What closing may take, two seconds of it for the thread of the connection; and a call after it.
CLOSED_S = 4.0

#: A session that spins has all that the interpreter gets, and for long; the others of the same
#: moment take a third of that at the most.
CPU_LIMIT_S = 1.5
CPU_SHARE = 0.75

#: Sessions at a time: most of the time they wait.
LANES = 4

#: Bytes of a real server's, in the course of one session.
LENGTH = 5500

#: Calls that wait for an answer without a limit, in every release; closing ends them.
UNLIMITED = {"_wait_for_event"}

SERVER = Path(__file__).with_name("mutating_server.py")
SERVER_LIMIT_S = 20.0


class Session:
    """
    What a program does with a server.

    :param paramiko: the library under test
    :param dict order: what is needed to log in
    :param int port: where on loopback to get there
    """

    def __init__(self, paramiko: Any, order: dict[str, Any], port: int) -> None:
        self._paramiko = paramiko
        self._order = order
        self._port = port
        self.step = "start"
        self.thread = 0
        self.client = paramiko.SSHClient()
        self.client.load_host_keys(order["known_hosts"])

    def run(self) -> None:
        """
        Do all of it.
        """
        order = self._order
        self.thread = threading.get_ident()
        self.step = "connect"
        log_in(self.client, order, STEP_S, self._make_sock())
        transport = self.client.get_transport()
        self.step = "exec"
        channel = transport.open_session(timeout=STEP_S)
        channel.settimeout(STEP_S)
        channel.exec_command("echo ab; echo cd >&2; exit 7")
        channel.recv(4096)
        channel.recv_stderr(4096)
        if channel.status_event.wait(STEP_S):
            channel.recv_exit_status()
        self.step = "sftp"
        channel = transport.open_session(timeout=STEP_S)
        channel.settimeout(STEP_S)
        channel.invoke_subsystem("sftp")
        sftp = self._paramiko.SFTPClient(channel)
        sftp.stat(".")
        folder = os.path.dirname(order["known_hosts"])
        sftp.listdir_attr(folder)
        list(sftp.listdir_iter(folder, read_aheads=2))
        sftp.normalize(".")
        with sftp.open(order["known_hosts"]) as file:
            file.read(64)
            # Asked by itself, a server may promise more than fits into memory, in any release.
            file.prefetch(os.path.getsize(order["known_hosts"]))
            file.read()
            file.stat()
        with contextlib.suppress(FileNotFoundError):
            sftp.readlink("/nowhere")
        self.step = "end"

    def _make_sock(self) -> Any:
        if self._order["proxied"]:
            _, command = choose_relay(LOOPBACK, self._port)
            return self._paramiko.ProxyCommand(command)
        return socket.create_connection((LOOPBACK, self._port))


class Findings:
    """
    Gather what should not be.

    :param paramiko: the library under test

    Thread-safety: any thread may watch a session.
    """

    def __init__(self, paramiko: Any) -> None:
        #: `SFTPError` is the library's own, and no `SSHException`.
        self._expected = (paramiko.SSHException, paramiko.SFTPError, EOFError, OSError)
        self._lock = threading.Lock()
        self.outcomes: Counter[str] = Counter()
        self.found: list[str] = []
        self.slowest_s = 0.0

    def watch(self, case: int, session: Session) -> None:
        """
        Run a session, close it, and note what is wrong about either.
        """
        started, cpu_s = time.monotonic(), time.process_time()
        call = Call(session.run)
        outcome = self._outcome(case, session, call)
        closing = Call(session.client.close)
        if closing.blocks(CLOSED_S) or call.blocks(CLOSED_S):
            self._note(case, session, f"hangs though it is closed\n{stack_of(session.thread)}")
        took_s, cpu_s = time.monotonic() - started, time.process_time() - cpu_s
        if cpu_s > CPU_LIMIT_S and cpu_s > took_s * CPU_SHARE:
            self._note(case, session, f"spins: {cpu_s:.1f} s of CPU in {took_s:.1f} s")
        with self._lock:
            self.outcomes[f"{session.step}: {outcome}"] += 1
            self.slowest_s = max(self.slowest_s, took_s)

    def _outcome(self, case: int, session: Session, call: Call) -> str:
        if call.blocks(SESSION_S):
            stack = traceback.extract_stack(sys._current_frames()[session.thread])
            if not UNLIMITED & {entry.name for entry in stack}:
                self._note(case, session, f"hangs\n{stack_of(session.thread)}")
            return "waits for an answer"
        error = call.error()
        if error is not None and not isinstance(error, self._expected):
            places = "".join(traceback.format_tb(error.__traceback__)[-3:])
            self._note(case, session, f"{error!r}\n{places}")
        return "done" if error is None else type(error).__name__

    def _note(self, case: int, session: Session, what: str) -> None:
        self.found.append(f"case {case}, {session.step}: {what}")


def stack_of(thread: int) -> str:
    """
    Return where a thread is.
    """
    frame = sys._current_frames().get(thread)
    return "".join(traceback.format_stack(frame)[-8:]) if frame is not None else "has ended"


def main(paramiko: Any, order: dict[str, Any]) -> None:
    """
    Meet a liar in each case, and print what came of it as one JSON line.

    :param dict order: what is needed to log in, ``seed``, ``first``, ``cases``, ``lies`` (``on the
        way`` or ``at the server``), and whether it goes over a proxy command as ``proxied``
    """
    logging.getLogger("paramiko").addHandler(logging.NullHandler())
    findings = Findings(paramiko)
    meet = {"on the way": _on_the_way, "at the server": _at_the_server}[order["lies"]]
    cases = iter(range(order["first"], order["first"] + order["cases"]))

    def work(make_session: MakeSession, limit: int | None) -> None:
        for case in itertools.islice(cases, limit):
            with make_session(case) as session:
                findings.watch(case, session)

    with contextlib.ExitStack() as stack:
        threads = stack.enter_context(Threads())
        lanes = [stack.enter_context(meet(paramiko, order)) for _ in range(LANES)]
        pool = stack.enter_context(ThreadPoolExecutor(LANES))
        # All threads of the pool, and a first case of each: whatever is made once is there.
        together = threading.Barrier(LANES)
        list(pool.map(lambda _: together.wait(SERVER_LIMIT_S), lanes))
        list(pool.map(lambda lane: work(lane, 1), lanes))
        before = settled(count())
        started, cpu_s = time.monotonic(), time.process_time()
        list(pool.map(lambda lane: work(lane, None), lanes))
        seconds, cpu_s = time.monotonic() - started, time.process_time() - cpu_s
        after = settled(before)
    answer = {
        "left": {name: after[name] - before[name] for name in after},
        "outcomes": findings.outcomes,
        "found": findings.found + [f"a thread died: {death}" for death in threads.died_of],
        "seconds": seconds,
        "slowest_s": findings.slowest_s,
        "cpu_s": cpu_s,
    }
    print(json.dumps(answer), flush=True)


MakeSession = Callable[[int], contextlib.AbstractContextManager[Session]]
Meeting = Iterator[MakeSession]


@contextlib.contextmanager
def _on_the_way(paramiko: Any, order: dict[str, Any]) -> Meeting:
    @contextlib.contextmanager
    def make(case: int) -> Iterator[Session]:
        chance = random.Random(f"{order['seed']}/{case}")
        garbler = Garbler((order["address"], order["port"]), chance, LENGTH)
        try:
            yield Session(paramiko, order, garbler.port)
        finally:
            garbler.close()

    yield make


@contextlib.contextmanager
def _at_the_server(paramiko: Any, order: dict[str, Any]) -> Meeting:
    with subprocess.Popen(
        [sys.executable, str(SERVER), str(order["seed"])],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as server:
        assert server.stdin is not None and server.stdout is not None
        told, heard = server.stdin, server.stdout
        try:
            place = json.loads(Call(heard.readline).result(SERVER_LIMIT_S))
            its_own = {**order, **place, "address": LOOPBACK}

            @contextlib.contextmanager
            def make(case: int) -> Iterator[Session]:
                told.write(f"{case}\n")
                told.flush()
                assert Call(heard.readline).result(SERVER_LIMIT_S) == f"{case}\n"
                yield Session(paramiko, its_own, place["port"])

            yield make
        finally:
            told.close()
            try:
                server.wait(SERVER_LIMIT_S)
            finally:
                server.kill()
