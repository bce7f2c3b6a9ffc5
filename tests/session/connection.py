"""
One proxied connection of a test, and the hand that ends its proxy.

The proxy is a real ``ssh -W`` where a signal brings the fault about, and otherwise the gate's
relay in front of one. Used by the tests of this folder through the fixture ``open_connection``;
imports no paramiko of any name.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
import warnings
from collections.abc import Callable
from typing import Any

import psutil
from waiting import PROMPT_S, Call, wait_until

from paramiko_gate.faults import CLOSES_OUTPUT, EXITS_NONZERO, Fault, Relay, strike

#: From the end of the proxy until a blocked call has raised. The contract says "at once"; the
#: limit leaves room for a loaded machine and still tells an answer from a time limit.
RAISES_S = 2.0

#: How long a call is watched before a test believes that it blocks.
WATCHED_S = 0.05

#: Written to standard error by the relay of the fault that has words to say, before it relays.
CHATTER_SIZE_BYTES = 400

#: Prints "ab" and then reads its input until that ends, with the connection.
PRINTS_AB = "printf ab; exec cat >/dev/null"

#: The exit status each fault may leave, as `subprocess` has it. What ssh makes of a SIGTERM
#: differs by its release.
RETURNCODES: dict[str, set[int | None]] = {
    "killed": {-signal.SIGKILL},
    "terminated": {0, 255, -signal.SIGTERM},
    "exits-zero": {0},
    "exits-nonzero": {97},
    "closes-output": {None},
}


class Connection:
    """
    A connected client and its proxy, which fails on order.

    :param client: an `SSHClient` that is logged in
    :param Fault fault: how the proxy will end
    :param Relay relay: what stands in for the proxy, for a fault that needs it
    """

    def __init__(self, client: Any, fault: Fault, relay: Relay | None) -> None:
        self.client = client
        self.transport = client.get_transport()
        self.proxy = self.transport.sock
        self.fault = fault
        self._relay = relay
        self._stopped = False
        if relay is not None:
            relay.wait_until_started()

    def run(self, command: str = PRINTS_AB) -> Any:
        """
        Run a command and return its channel; with no command given it has written "ab".
        """
        channel = self.transport.open_session(timeout=10)
        channel.exec_command(command)
        if command == PRINTS_AB:
            wait_until(lambda: buffered(channel) == 2, 10, "the first words of the command")
        return channel

    def stall(self) -> None:
        """
        Stop the proxy from passing anything on, in either direction, without ending it.
        """
        if self._relay is not None:
            self._relay.give_order("stall")
        else:
            os.kill(self.proxy.process.pid, signal.SIGSTOP)
            self._stopped = True

    def resume(self) -> None:
        """
        Let a proxy that was stalled pass on what it has, and all the rest.
        """
        if self._relay is not None:
            self._relay.give_order("resume")
        else:
            os.kill(self.proxy.process.pid, signal.SIGCONT)
            self._stopped = False

    def strike(self) -> None:
        """
        End the proxy, and return at once.
        """
        strike(self.fault, self.proxy.process.pid, self._relay)
        if self._stopped:
            # A stopped process acts on no signal but SIGKILL.
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.proxy.process.pid, signal.SIGCONT)

    def strike_and_wait(self) -> None:
        """
        End the proxy, and wait until the transport has noticed.
        """
        self.strike()
        wait_until(lambda: not self.transport.is_active(), RAISES_S, "an inactive transport")

    def strike_during(self, *calls: Callable[[], Any]) -> list[BaseException]:
        """
        End the proxy while each call blocks in a thread of its own, and return what they raise.

        :raises AssertionError: one did not block, returned, or had not raised after `RAISES_S`
        """
        blocked = [Call(call) for call in calls]
        deadline = time.monotonic() + WATCHED_S
        for call in blocked:
            watched_s = max(0.0, deadline - time.monotonic())
            assert call.blocks(watched_s), f"it does not block: {call.error()!r}"
        self.strike()
        deadline = time.monotonic() + RAISES_S
        return [raised(call, max(0.0, deadline - time.monotonic())) for call in blocked]

    def assert_reason(self, error: BaseException | None) -> None:
        """
        Check that an error is the failure of the proxy command and tells how the proxy ended.
        """
        assert type(error).__name__ == "ProxyCommandFailure", repr(error)
        assert self.fault.reason.search(str(error)), str(error)
        assert str(error).startswith(f'ProxyCommand("{" ".join(self.proxy.cmd)}") '), str(error)
        assert getattr(error, "returncode", "missing") in RETURNCODES[self.fault.name]
        if self.fault is EXITS_NONZERO:
            assert "chatter on standard error" in str(error)
            assert error.stderr.count(b"chatter") > 2  # type: ignore[union-attr]
        if self.fault is CLOSES_OUTPUT:
            assert "process still running" in str(error)

    def assert_ended(self) -> None:
        """
        Check that the connection is inactive and that its thread ends.
        """
        assert not self.transport.is_active()
        self.transport.join(PROMPT_S)
        assert not self.transport.is_alive()


def raised(call: Call, timeout_s: float) -> BaseException:
    """
    Return what a call raised.

    :raises AssertionError: it returned something, or was still running after ``timeout_s``
    """
    error = call.error(timeout_s)
    assert error is not None, f"it returned {call.result()!r}"
    return error


def buffered(channel: Any) -> int:
    """
    Return how many bytes of a channel's output have arrived and were not read yet.
    """
    return len(channel.in_buffer)


def cpu_of(call: Callable[[], Any]) -> float:
    """
    Return the CPU seconds that this whole process spends during a call.
    """
    started_s = time.process_time()
    call()
    return time.process_time() - started_s


def close(client: Any) -> None:
    """
    Close a client as a program does, but in bounded time.
    """
    Call(client.close).result(10)


def rescue(transport: Any) -> None:
    """
    End a connection that its library has leaked, with everything that blocks or spins on it.
    """
    proxy = transport.sock
    transport.active = False
    if hasattr(proxy, "process"):
        with contextlib.suppress(psutil.NoSuchProcess):
            proxy.process.kill()
        with contextlib.suppress(Exception):
            proxy.process.wait(1)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            # A read that spins on end of file ends when its file is gone.
            for stream in (proxy.process.stdin, proxy.process.stdout, proxy.process.stderr):
                with contextlib.suppress(Exception):
                    stream.close()
    with contextlib.suppress(Exception):
        transport.close()
    if transport.is_alive():
        transport.join(5)
