"""
A `ProxyCommand` that is started, used, struck and ended in a way that chance has chosen.
"""

from __future__ import annotations

import contextlib
import gc
import os
import random
import signal
import threading
import warnings
from dataclasses import dataclass
from typing import Any

import children
from soak import cycling
from waiting import Call, read_exactly

#: Until a caller is told, or a close is done. The contract says "at once" and "milliseconds".
LIMIT_S = 3.0

#: What to start, and how often. What ignores signals takes the background two seconds to end.
PROXIES = {
    children.RELAY: 60,
    children.STALLED: 10,
    children.EXITS_ZERO: 10,
    children.exits(7, "ab", "refused"): 8,
    children.KILLED: 5,
    children.CLOSES_OUTPUT: 5,
    children.IGNORES_SIGTERM: 2,
}
STRIKES = {0: 30, signal.SIGKILL: 45, signal.SIGTERM: 20, signal.SIGSTOP: 5}
ENDS = ("close", "close twice", "two at once", "with", "drop")
#: What a proxy that lives on allows.
MOMENTS = {
    children.RELAY: ("unused", "echoed", "reading", "half-closed"),
    children.STALLED: ("unused", "reading", "writing", "half-closed"),
}


@dataclass
class Cycle:
    """
    One life of a proxy.
    """

    paramiko: Any
    command: str
    moment: str
    strike: int
    end: str
    proxy: Any = None
    blocked: Call | None = None

    def run(self) -> None:
        """
        Live it; blocks for a few times `LIMIT_S` at the most.

        :raises AssertionError: somebody was not told, or not the truth
        """
        self.proxy = self.paramiko.ProxyCommand(self.command)
        self.proxy.settimeout(LIMIT_S)
        self._reach_moment()
        if self.strike:
            # An exited one that nobody has asked for is a zombie, which takes signals.
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.proxy.process.pid, self.strike)
        deadly = self.strike in (signal.SIGKILL, signal.SIGTERM)
        if self.blocked is not None and deadly:
            error = self.blocked.error(LIMIT_S)
            assert isinstance(error, self.paramiko.ProxyCommandFailure), repr(error)
            assert error.returncode == -self.strike, error
            self.blocked = None
        self._finish()

    def _reach_moment(self) -> None:
        if self.moment == "echoed":
            self.proxy.send(b"ab")
            assert read_exactly(self.proxy, 2) == b"ab"
        elif self.moment == "reading":
            self.proxy.settimeout(None)
            self.blocked = Call(self.proxy.recv, 1)
        elif self.moment == "writing":
            self.proxy.settimeout(0)
            with contextlib.suppress(BlockingIOError):
                while True:
                    self.proxy.send(bytes(65536))
            self.proxy.settimeout(None)
            self.blocked = Call(self.proxy.send, b"x")
        elif self.moment == "half-closed":
            self.proxy.shutdown(1)

    def _finish(self) -> None:
        if self.end == "drop" and self.blocked is None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ResourceWarning)
                self.proxy.myself = self.proxy
                self.proxy = None
                gc.collect(0)
            return
        if self.end == "with":
            with self.proxy:
                pass
        elif self.end == "two at once":
            other = threading.Thread(target=self.proxy.close)
            other.start()
            self.proxy.close()
            other.join(LIMIT_S)
            assert not other.is_alive()
        else:
            Call(self.proxy.close).result(LIMIT_S)
            if self.end == "close twice":
                self.proxy.close()
        if self.blocked is not None:
            error = self.blocked.error(LIMIT_S)
            if self.moment == "reading":
                assert error is None and self.blocked.result() == b"", repr(error)
            else:
                assert type(error) is OSError, repr(error)
        assert self.proxy.closed


def main(paramiko: Any, order: dict[str, Any]) -> None:
    """
    Run the cycles; see `cycling.run`.
    """

    def cycle(chance: random.Random) -> str:
        (command,) = chance.choices(list(PROXIES), list(PROXIES.values()))
        (strike,) = chance.choices(list(STRIKES), list(STRIKES.values()))
        moment = chance.choice(MOMENTS.get(command, ("unused",)))
        life = Cycle(paramiko, command, moment, strike, chance.choice(ENDS))
        life.run()
        return f"{moment}, {'signal ' + str(int(strike)) if strike else 'no signal'}"

    cycling.run(cycle, order)
