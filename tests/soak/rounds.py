"""
Some threads of one process that connect, work, lose their proxy and begin again, for some time.

Runs in a program of its own. Each thread has connections of its own, as the threads of a worker
have; all of them share what the library keeps for the process.
"""

from __future__ import annotations

import json
import logging
import os
import random
import signal
import threading
import time
from collections import Counter
from typing import Any

from soak.login import log_in
from waiting import Call

from benchmarks.clients.cycles import count, settled

#: A step that must succeed, while the other threads do the same.
STEP_S = 30.0

#: From the end of the proxy until the caller has been told; eight threads share two cores.
TOLD_S = 3.0

#: So much of the time goes before the counting.
WARM_UP = 0.1

SIGNALS = (signal.SIGKILL, signal.SIGTERM)


class Worker(threading.Thread):
    """
    Go round until it is time.

    :param random.Random chance: what is drawn
    :param float until_s: when it is time, by the monotonic clock
    """

    def __init__(
        self, paramiko: Any, order: dict[str, Any], chance: random.Random, until_s: float
    ) -> None:
        super().__init__()
        self._paramiko = paramiko
        self._order = order
        self._chance = chance
        self._until_s = until_s
        self.done: Counter[str] = Counter()
        self.told_s: list[float] = []
        self.error: BaseException | None = None

    def run(self) -> None:
        """
        Go round; the first that goes wrong ends it.
        """
        try:
            while time.monotonic() < self._until_s:
                self.done[self._go_round()] += 1
        except BaseException as error:
            self.error = error

    def _go_round(self) -> str:
        order = self._order
        proxy = self._paramiko.ProxyCommand(order["proxy_command"])
        client = self._paramiko.SSHClient()
        client.load_host_keys(order["known_hosts"])
        try:
            log_in(client, order, STEP_S, proxy)
            for _ in range(self._chance.randrange(1, 4)):
                word = f"{self._chance.random()}"
                _, output, _ = client.exec_command(f"echo {word}", timeout=STEP_S)
                assert output.read().decode() == f"{word}\n"
                assert output.channel.recv_exit_status() == 0
            return self._break_off(client, proxy)
        finally:
            Call(client.close).result(STEP_S)

    def _break_off(self, client: Any, proxy: Any) -> str:
        how = self._chance.choice(("while idle", "while blocked", "not at all"))
        if how == "not at all":
            return how
        channel = client.get_transport().open_session(timeout=STEP_S)
        channel.exec_command("exec cat")
        blocked = Call(channel.recv, 1) if how == "while blocked" else None
        killed_s = time.monotonic()
        os.kill(proxy.process.pid, self._chance.choice(SIGNALS))
        error = (blocked or Call(channel.recv, 1)).error(TOLD_S)
        self.told_s.append(time.monotonic() - killed_s)
        assert isinstance(error, self._paramiko.ProxyCommandFailure), repr(error)
        assert not client.get_transport().is_active()
        return how


def main(paramiko: Any, order: dict[str, Any]) -> None:
    """
    Let the threads go round, and print what came of it as one JSON line.

    :param dict order: what is needed to log in, ``threads``, ``seconds`` and ``seed``
    """
    logging.getLogger("paramiko").addHandler(logging.NullHandler())
    start = count()
    _go_round_for(paramiko, order, order["seconds"] * WARM_UP, "warm-up")
    before = settled(start)
    workers = _go_round_for(paramiko, order, order["seconds"], "counted")
    after = settled(before)
    told_s = sorted(seconds for worker in workers for seconds in worker.told_s)
    answer = {
        "left": {name: after[name] - before[name] for name in after},
        "rounds": sum((worker.done for worker in workers), Counter()),
        "median_s": told_s[len(told_s) // 2],
        "worst_s": told_s[-1],
    }
    print(json.dumps(answer), flush=True)


def _go_round_for(paramiko: Any, order: dict[str, Any], seconds: float, phase: str) -> list[Worker]:
    until_s = time.monotonic() + seconds
    workers = [
        Worker(paramiko, order, random.Random(f"{order['seed']}/{phase}/{number}"), until_s)
        for number in range(order["threads"])
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(seconds + 3 * STEP_S)
        assert not worker.is_alive(), "a thread hangs"
        if worker.error is not None:
            raise worker.error
    return workers
