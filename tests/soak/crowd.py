"""
Many proxied connections of one process, each with a blocked caller, whose proxies die together.

Runs in a program of its own, which is handed the library under test. The proxies are killed by yet
another process, which is asleep until then: what is measured is the time that the library takes,
not how fast a thread of the same interpreter can send signals.
"""

from __future__ import annotations

import gc
import json
import logging
import math
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from statistics import median
from typing import Any

import psutil

from benchmarks.clients.cycles import count, settled
from benchmarks.clients.idle import Crowd
from paramiko_gate.measure import read_switches, wait_for

#: How long, in seconds, a caller may take until it counts as never told. Ten times the promise.
TOLD_LIMIT_S = 10.0

#: Until all callers have started to wait.
ASLEEP_LIMIT_S = 60.0

#: Kills every process it is given, as fast as it can, and tells when each of them was killed.
EXECUTIONER = """
import os, signal, sys, time
pids = [int(pid) for pid in sys.stdin.readline().split()]
killed = []
for pid in pids:
    killed.append((pid, time.monotonic()))
    os.kill(pid, signal.SIGKILL)
print(*(f"{pid} {moment}" for pid, moment in killed))
"""


class Caller(threading.Thread):
    """
    Block in one call of one connection, and note what it raised and when.

    :param paramiko: the library under test
    :param client: its client, logged in
    :param int number: chooses the call, so that a crowd makes each of them
    """

    def __init__(self, paramiko: Any, client: Any, number: int) -> None:
        super().__init__(daemon=True)
        transport = client.get_transport()
        self.proxy_pid: int = transport.sock.process.pid
        # Without a command: a thousand of them would end at the same time as what is measured.
        self._channel = transport.open_session(timeout=60)
        calls = [
            lambda: self._channel.recv(1),
            lambda: self._channel.recv_stderr(1),
            self._channel.recv_exit_status,
            lambda: self._channel.makefile("r").readline(),
        ]
        self._call = calls[number % len(calls)]
        self._failure = paramiko.ProxyCommandFailure
        self.outcome = "still blocked"
        self.told_s = 0.0

    def run(self) -> None:
        """
        Make the call, which has nothing to wait for but the end of its proxy.
        """
        try:
            returned = self._call()
        except Exception as error:
            self.told_s = time.monotonic()
            said = "was killed by signal 9" in str(error)
            self.outcome = "told" if isinstance(error, self._failure) and said else repr(error)
        else:
            self.told_s = time.monotonic()
            self.outcome = f"returned {returned!r}"


def main(paramiko: Any, order: dict[str, Any]) -> None:
    """
    Connect, block, have all proxies killed, close, and print what came of it as one JSON line.

    Nothing that wakes up together may get in its own way. A program that logs is no test of that:
    the lock of its log lets one thread at a time through.

    :param dict order: as for `Crowd`; ``logs`` says whether errors are logged
    """
    if not order["logs"]:
        logging.disable()
    before = count()
    crowd = Crowd(paramiko, order)
    answer = crowd.grow(order["connections"])
    if answer["error"]:
        raise SystemExit(f"only {answer['connected']} are connected: {answer['error']}")
    callers = [Caller(paramiko, client, number) for number, client in enumerate(crowd.clients)]
    for caller in callers:
        caller.start()
    assert wait_for(AtRest(callers), ASLEEP_LIMIT_S), "a caller does not block"
    held = count()
    answer["held"] = {name: held[name] - before[name] for name in held}

    cpu_s = time.process_time()
    killed_s = _kill_proxies()
    first_s = min(killed_s.values())
    for caller in callers:
        caller.join(max(0.0, first_s + TOLD_LIMIT_S - time.monotonic()))
    answer["cpu_s"] = time.process_time() - cpu_s
    answer["outcomes"] = Counter(caller.outcome for caller in callers)
    answer["kill_s"] = max(killed_s.values()) - first_s
    told = [caller for caller in callers if caller.told_s]
    since_own = [caller.told_s - killed_s[caller.proxy_pid] for caller in told]
    answer["median_s"] = median(since_own) if told else math.inf
    answer["worst_s"] = max(since_own, default=math.inf)
    answer["all_s"] = max((caller.told_s for caller in told), default=first_s) - first_s

    for client in crowd.clients:
        client.close()
    crowd.clients.clear()
    callers.clear()
    gc.collect()
    after = settled(before)
    answer["left"] = {name: after[name] - before[name] for name in after}
    print(json.dumps(answer), flush=True)


class AtRest:
    """
    Tell whether all callers sleep, and none has woken up since it was asked before.
    """

    def __init__(self, callers: list[Caller]) -> None:
        self._threads = [caller.native_id or 0 for caller in callers]
        self._seen: list[int] = []

    def __call__(self) -> bool:
        switches = read_switches(os.getpid())
        before, self._seen = self._seen, [switches.get(thread, -1) for thread in self._threads]
        return self._seen == before and all(map(_sleeps, self._threads))


def _sleeps(thread: int) -> bool:
    with open(f"/proc/self/task/{thread}/stat") as stat:
        return stat.read().rpartition(")")[2].split()[0] == "S"


def _kill_proxies() -> dict[int, float]:
    """
    Kill whatever this process has started, and return when each was killed.

    A proxy that is a shell has children, which relay on without it.
    """
    family = psutil.Process().children(recursive=True)
    # A child is older than what it has started.
    family.sort(key=lambda process: -process.create_time())
    pids = [str(child.pid) for child in family]
    with subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", EXECUTIONER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as executioner:
        said, _ = executioner.communicate(" ".join(pids) + "\n", timeout=60)
    words = said.split()
    return {int(pid): float(moment) for pid, moment in zip(words[::2], words[1::2])}
