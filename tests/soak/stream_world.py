"""
What a `ProxyCommand` has to do with: a proxy and a server that do as hypothesis draws it.

The proxy is the matrix's stand-in, a real child, which answers when it has done as it was told: so
it is known at each step which bytes are in the pipe. The server behind it is a socket of this test.
Imports no paramiko of any name.
"""

from __future__ import annotations

import contextlib
import os
import random
import socket
from dataclasses import dataclass
from types import ModuleType
from typing import ClassVar

import leaks
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from matrix.orders import StandIn, open_stand_in
from matrix.stand_in import WORDS
from waiting import CLOSE_S, GONE_S, Call, wait_ended, wait_until

LOOPBACK = "127.0.0.1"

#: What has to happen: on a machine that does other things.
LIMIT_S = 5.0

#: So much fits into any pipe, with room for a piece of a page.
ROOM_BYTES = 40_000

#: Sizes in bytes of what the server says.
PIECES = st.sampled_from((1, 3, 17, 500, 4096, 10_001))

#: Steps before the first that may end something: half of all that can happen is an end.
PATIENCE = 30

#: What a proxy exits with.
STATUSES = st.integers(min_value=0, max_value=120)


@dataclass(frozen=True)
class Death:
    """
    How a proxy has ended.

    :param returncode: `None` if it has only closed its output
    :param str reason: is in the text of the failure
    :param bytes words: what it said on standard error
    """

    returncode: int | None
    reason: str
    words: bytes = WORDS


class World(RuleBasedStateMachine):
    """
    One proxy, from its start to after its end, and what is known of it.
    """

    paramiko: ClassVar[ModuleType]

    @initialize(patience=st.integers(min_value=0, max_value=PATIENCE))
    def start(self, patience: int) -> None:
        """Start the proxy, and be its server."""
        self.patience = patience
        # The same in each run: nothing depends on what the bytes are.
        self.content = random.Random(0)
        mark = os.environ[leaks.MARK]
        self.before = leaks.snapshot(mark)
        self.stack = contextlib.ExitStack()
        listener = self.stack.enter_context(socket.create_server((LOOPBACK, 0)))
        listener.settimeout(LIMIT_S)
        opened = open_stand_in(LOOPBACK, listener.getsockname()[1])
        self.stand_in: StandIn = self.stack.enter_context(opened)
        self.proxy = self.paramiko.ProxyCommand(self.stand_in.command)
        self.server = self.stack.enter_context(listener.accept()[0])
        self.server.settimeout(LIMIT_S)
        #: In the pipe to the library; held back by the proxy; all that the server has said.
        self.arrived, self.held, self.said = bytearray(), bytearray(), 0
        #: Taken from the library, and not seen by the server yet.
        self.taken = bytearray()
        self.holding = self.holding_input = False
        self.death: Death | None = None
        self.process_ended = self.closed = self.read_shut = self.write_shut = False
        #: What the library has told of the death, which it goes on telling.
        self.told: Death | None = None

    # what the model knows

    def lives(self) -> bool:
        """Whether the process does as it is told."""
        return not self.process_ended and not self.closed

    def reads(self) -> bool:
        """Whether something can still come."""
        return self.lives() and self.death is None

    def may_end(self) -> bool:
        """Whether enough has happened for an end to come."""
        return self.patience <= 0

    def would_wait(self) -> bool:
        """Whether a read has nothing to tell."""
        ended = self.death is not None or self.closed or self.read_shut
        return not ended and not self.arrived

    def is_stuffed(self) -> bool:
        """Whether a writer may be stuck until somebody reads."""
        return self.holding_input or len(self.taken) >= ROOM_BYTES

    # the server and the proxy

    @precondition(lambda self: self.reads() and len(self.arrived) + len(self.held) < ROOM_BYTES)
    @rule(size=PIECES)
    def server_says(self, size: int) -> None:
        """The server says something, which is now in the pipe, or held back."""
        data = self.content.randbytes(size)
        self.server.sendall(data)
        self.said += len(data)
        wait_until(self._has_come, LIMIT_S, "the server's words")
        (self.held if self.holding else self.arrived).extend(data)

    def _has_come(self) -> bool:
        relayed, held = map(int, self.stand_in.ask("counts").split())
        return relayed + held == self.said

    @precondition(lambda self: self.reads() and not self.holding)
    @rule()
    def proxy_holds_back(self) -> None:
        """The proxy passes nothing on."""
        self.stand_in.do("hold")
        self.holding = True

    @precondition(lambda self: self.lives() and not self.holding_input)
    @rule()
    def proxy_takes_nothing(self) -> None:
        """The proxy reads nothing."""
        self.stand_in.do("hold-input")
        self.holding_input = True

    @precondition(lambda self: self.reads() and self.held)
    @rule(data=st.data())
    def proxy_passes_on(self, data: st.DataObject) -> None:
        """The proxy passes a part on."""
        size = data.draw(st.integers(min_value=1, max_value=len(self.held)))
        self.stand_in.do(f"pass {size}")
        self.arrived += self.held[:size]
        del self.held[:size]

    @precondition(lambda self: self.reads() and (self.holding or self.holding_input))
    @rule()
    def proxy_goes_on(self) -> None:
        """The proxy passes on whatever it has."""
        self.stand_in.do("release")
        self.arrived += self.held
        self.held.clear()
        self.holding = self.holding_input = False

    @precondition(lambda self: self.lives() and not self.holding_input)
    @rule()
    def server_reads(self) -> None:
        """The server gets what the library was told is sent, all of it, in order."""
        received = bytearray()
        while len(received) < len(self.taken):
            piece = self.server.recv(1 << 16)
            assert piece, "the server's stream has ended"
            received += piece
        assert received == self.taken
        self.taken.clear()

    # the end

    @precondition(lambda self: self.lives() and self.may_end())
    @rule(how=st.sampled_from(("kill", "terminate")))
    def proxy_is_killed(self, how: str) -> None:
        """A signal ends the proxy; what it had held back is lost."""
        number, name = {"kill": (9, "SIGKILL"), "terminate": (15, "SIGTERM")}[how]
        self.stand_in.order(how)
        self._process_ends(Death(-number, f"was killed by signal {number} ({name})"))

    @precondition(lambda self: self.lives() and self.may_end())
    @rule(status=STATUSES)
    def proxy_exits(self, status: int) -> None:
        """The proxy gives up, and says why."""
        self.stand_in.order(f"exit {status} words {status}")
        words = WORDS + f"words {status}\n".encode("ascii")
        self._process_ends(Death(status, f"exited with status {status}: ", words))

    @precondition(lambda self: self.reads() and not self.held and self.may_end())
    @rule()
    def server_leaves(self) -> None:
        """The server hangs up, and the proxy with it."""
        self.server.close()
        self._process_ends(Death(0, "exited with status 0"))

    @precondition(lambda self: self.reads() and self.may_end())
    @rule()
    def proxy_closes_its_output(self) -> None:
        """The proxy says no more, and lives on."""
        self.stand_in.do("close-output")
        self.death = Death(None, "closed its output; process still running")
        self.held.clear()

    def _process_ends(self, death: Death) -> None:
        wait_ended(self.proxy.process.pid)
        self.process_ended = True
        self.death = death
        self.held.clear()

    def teardown(self) -> None:
        """Whatever has happened: nothing stays, and the server has got no byte that is wrong."""
        try:
            Call(self.proxy.close).result(CLOSE_S)
            self._check_rest()
        finally:
            with contextlib.suppress(ProcessLookupError):
                if self.proxy.process.returncode is None:
                    self.proxy.process.kill()
            self.stack.close()
            del self.proxy
        mark = os.environ[leaks.MARK]
        wait_until(lambda: not leaks.difference(self.before, mark), GONE_S, "nothing to be left")

    def _check_rest(self) -> None:
        rest = bytearray()
        # A reset is what is left of bytes that nobody has read; a closed socket read enough.
        with contextlib.suppress(OSError):
            while piece := self.server.recv(1 << 16):
                rest += piece
        assert self.taken.startswith(rest)
