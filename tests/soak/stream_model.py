"""
A `ProxyCommand` beside a model of what it is: two streams of bytes, and an end with a reason.

Hypothesis draws what happens; after each step the proxy must have said what the model says. Imports
no paramiko of any name.
"""

from __future__ import annotations

import select
import socket
from collections import Counter
from collections.abc import Callable
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule
from soak.stream_world import LIMIT_S, PIECES, ROOM_BYTES, STATUSES, Death, World
from waiting import CLOSE_S, Call, wait_until

#: What is not to happen takes this long to be believed: a wait, in seconds.
WATCHED_S = 0.02

#: Sizes in bytes, from a single one to more than a pipe takes: of writes and of reads.
BULKS = st.sampled_from((0, 1, 2, 100, 4095, 4096, 4097, 20_000, 65536, 100_001, 260_000))
SIZES = st.sampled_from((1, 2, 100, 4096, 65536, 1 << 20))

#: A thread reads ahead so much, in bytes, and does not see an end that comes after more.
READ_AHEAD_BYTES = 32 * 1024

#: What can wake a read.
EVENTS = ("server_says", "proxy_is_killed", "proxy_exits", "close", "shut")


class Stream(World):
    """
    What the library says of such a proxy, whatever is done to either.
    """

    #: The library reads and writes by threads: what is in the pipe, it knows a moment later.
    threaded: ClassVar[bool]
    #: How often the model was held against what happens.
    steps: ClassVar[Counter[str]]

    @rule(size=SIZES, timeout_s=st.sampled_from((0, 0.005)))
    def recv(self, size: int, timeout_s: float) -> None:
        """A read returns what is there, or what there is to say."""
        patient = self.threaded and not self.would_wait()
        self.proxy.settimeout(LIMIT_S if patient else timeout_s)
        waits = BlockingIOError if timeout_s == 0 else socket.timeout
        self._check_read(Call(self.proxy.recv, size), size, waits)

    def _check_read(self, call: Call, size: int, waits: type[Exception] | None) -> None:
        error = call.error(LIMIT_S)
        if self.told is not None:
            self._check_failure(error, self.told)
        elif self.closed or self.read_shut:
            assert error is None and call.result() == b"", repr(error)
            self.steps["was closed"] += 1
        elif self.arrived:
            assert error is None, repr(error)
            data = call.result()
            assert 1 <= len(data) <= size
            assert data == self.arrived[: len(data)]
            self.steps["received"] += 1
            del self.arrived[: len(data)]
            if self.threaded and self.arrived and len(data) < size:
                # How much a thread has read by now is chance, and chance is hypothesis's alone.
                self._check_read(Call(self.proxy.recv, size - len(data)), size - len(data), waits)
        elif self.death is not None:
            self.told = self.death
            self._check_failure(error, self.told)
        else:
            assert waits is not None and type(error) is waits, repr(error)
            self.steps["timed out"] += 1

    def _check_failure(self, error: Any, death: Death) -> None:
        assert isinstance(error, self.paramiko.ProxyCommandFailure), repr(error)
        assert error.returncode == death.returncode
        assert death.reason in str(error)
        assert error.stderr == death.words
        self.steps["failed"] += 1

    @precondition(lambda self: self.would_wait())
    @rule(event=st.sampled_from(EVENTS), size=SIZES, said=PIECES, status=STATUSES)
    def recv_waits(self, event: str, size: int, said: int, status: int) -> None:
        """A read that waits is woken by whatever it can learn."""
        self.proxy.settimeout(None)
        call = Call(self.proxy.recv, size)
        assert call.blocks(WATCHED_S)
        if self.holding and (event == "server_says" or not self.may_end()):
            self.proxy_goes_on()
        events: dict[str, Callable[[], None]] = {
            "server_says": lambda: self.server_says(said),
            "proxy_is_killed": lambda: self.proxy_is_killed("kill"),
            "proxy_exits": lambda: self.proxy_exits(status),
            "close": self.close,
            "shut": self.shut_reading,
        }
        if self.arrived:
            # What was held back has woken it already.
            return self._check_read(call, size, None)
        events[event if self.may_end() else "server_says"]()
        self._check_read(call, size, None)

    @rule(size=BULKS)
    def send(self, size: int) -> None:
        """A write takes a part at least, or says why not."""
        data = self.content.randbytes(size)
        fits = len(self.taken) + size < ROOM_BYTES
        self.proxy.settimeout(LIMIT_S if fits else WATCHED_S)
        call = Call(self.proxy.send, memoryview(data))
        error = call.error(LIMIT_S)
        if not data:
            assert error is None and call.result() == 0
        elif self.told is not None:
            self._check_failure(error, self.told)
        elif self.closed or self.write_shut:
            assert isinstance(error, OSError), repr(error)
            assert not isinstance(error, socket.timeout)
        elif self.process_ended:
            assert self.death is not None
            # A thread may have taken what it cannot pass on any more.
            if not self.threaded or error is not None:
                self._check_failure(error, self.death)
        elif error is not None:
            assert type(error) is socket.timeout, repr(error)
            assert not fits, "there was room"
        else:
            assert 1 <= call.result() <= size
            self.steps["sent"] += 1
            self.taken += data[: call.result()]

    @precondition(lambda self: self.may_end())
    @rule()
    def close(self) -> None:
        """Closing ends it, however often, and raises nothing."""
        Call(self.proxy.close).result(CLOSE_S)
        self.closed = True

    @precondition(lambda self: not self.closed and self.may_end())
    @rule()
    def shut_reading(self) -> None:
        """Nobody wants to hear any more; the proxy does not notice."""
        self.proxy.shutdown(socket.SHUT_RD)
        self.read_shut = True

    @precondition(lambda self: not self.closed and self.may_end())
    @precondition(lambda self: not (self.threaded and self.is_stuffed()))
    @rule()
    def shut_writing(self) -> None:
        """The proxy gets end of input, and ends; a thread has to finish its writing before."""
        self.proxy.shutdown(socket.SHUT_WR)
        self.write_shut = True
        if not self.process_ended:
            self._process_ends(Death(0, "exited with status 0"))

    @invariant()
    def tells_the_truth(self) -> None:
        """What it says of itself is true, and asking changes nothing."""
        if not hasattr(self, "death"):
            return
        self.patience -= 1
        ended = self.closed or self.death is not None
        hidden = self.threaded and not self.closed and len(self.arrived) >= READ_AHEAD_BYTES
        if self.threaded and ended and not self.read_shut and not hidden:
            wait_until(lambda: self.proxy.closed, LIMIT_S, "the end to be known")
        if not self.read_shut and not hidden:
            assert self.proxy.closed == ended
        assert (self.proxy.fileno() == -1) == self.closed
        if not self.closed and not self.threaded:
            ready = bool(select.select([self.proxy.fileno()], [], [], 0)[0])
            assert ready == bool(self.arrived or self.death)
