"""
The named faults and the hand that brings them about.

Role: used by the cases and, through the plugin's fixture ``faulty_proxy``, by other suites. A
fault strikes a real process: a signal to a real ``ssh -W``, or an order to `paramiko_gate.relay`
in front of one.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shlex
import signal
import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from paramiko_gate.servers.endpoint import LOOPBACK

RELAY = Path(__file__).with_name("relay.py")
ANSWER_TIMEOUT_S = 10.0


@dataclass(frozen=True)
class Fault:
    """
    Describe one way in which a proxy dies.

    :param str name: identifier in test ids and reports
    :param str order: what the relay is told; empty when a signal does it
    :param int number: signal sent to the proxy; 0 when the relay is told
    :param re.Pattern reason: what the error must say, so that its reader knows what happened
    :param str reason_in_words: the same for people
    """

    name: str
    order: str
    number: int
    reason: re.Pattern[str]
    reason_in_words: str

    @property
    def needs_relay(self) -> bool:
        """Tell whether the real proxy cannot be brought to this from outside."""
        return bool(self.order)


KILLED = Fault(
    "killed",
    "",
    signal.SIGKILL,
    re.compile(r"SIGKILL|signal 9\b|-9\b|killed", re.IGNORECASE),
    "killed by SIGKILL",
)
# OpenSSH's client takes SIGTERM as an order to clean up and exits, with 0 or 255 by release; a
# proxy without a handler dies of the signal.
TERMINATED = Fault(
    "terminated",
    "",
    signal.SIGTERM,
    re.compile(r"SIGTERM|signal 15\b|-15\b|status (0|255)\b|terminated", re.IGNORECASE),
    "terminated, or the status it then exited with",
)
EXITS_ZERO = Fault("exits-zero", "exit 0", 0, re.compile(r"\b0\b"), "exited with status 0")
EXITS_NONZERO = Fault("exits-nonzero", "exit 97", 0, re.compile(r"\b97\b"), "exited with status 97")
CLOSES_OUTPUT = Fault(
    "closes-output",
    "close-output",
    0,
    re.compile(r"closed its output|end of file|EOF", re.IGNORECASE),
    "closed its output; process still running",
)

DEATHS = (KILLED, TERMINATED, EXITS_ZERO, EXITS_NONZERO, CLOSES_OUTPUT)


class Relay:
    """
    Order a `paramiko_gate.relay` about.

    Made by `open_relay` before the proxy exists: ``command`` is what a client starts as its proxy
    command. Thread-safety: one thread.
    """

    def __init__(self, arguments: list[str], listener: socket.socket, token: str) -> None:
        self.command = shlex.join(arguments)
        self._listener = listener
        self._token = token
        self._control: socket.socket | None = None
        self.pid = 0

    def wait_until_started(self, timeout_s: float = ANSWER_TIMEOUT_S) -> None:
        """
        Wait until a client has started the relay.

        :raises TimeoutError: nobody did in ``timeout_s`` seconds
        """
        if self._control is not None:
            return
        self._listener.settimeout(timeout_s)
        try:
            control, _ = self._listener.accept()
        except socket.timeout:
            raise TimeoutError(f"no relay was started within {timeout_s:g} s") from None
        control.settimeout(timeout_s)
        word, token, pid = _read_line(control).split()
        if (word, token) != ("relay", self._token):
            control.close()
            raise RuntimeError("somebody else connected to the relay's control port")
        self._control, self.pid = control, int(pid)

    def send_order(self, order: str) -> None:
        """Send one order and do not wait: for one that may block, or that is being timed."""
        self.wait_until_started()
        assert self._control is not None
        self._control.sendall(f"{order}\n".encode("ascii"))

    def await_done(self, order: str, timeout_s: float = ANSWER_TIMEOUT_S) -> bool:
        """Tell whether the relay reports within ``timeout_s`` seconds that it did ``order``."""
        assert self._control is not None
        self._control.settimeout(timeout_s)
        try:
            return _read_line(self._control) == f"done {order.split()[0]}"
        except OSError:
            return False

    def give_order(self, order: str) -> None:
        """
        Send one order and wait until it has been carried out; for ``exit`` until it is gone.

        :raises TimeoutError: it was not, in `ANSWER_TIMEOUT_S` seconds
        """
        self.send_order(order)
        assert self._control is not None
        self._control.settimeout(ANSWER_TIMEOUT_S)
        wanted = "" if order.startswith("exit") else f"done {order.split()[0]}"
        try:
            got = _read_line(self._control)
        except ConnectionResetError:
            got = ""
        if got != wanted:
            raise RuntimeError(f"relay answered {got!r} to {order!r}")

    def close(self) -> None:
        """Let the relay go: it ends its child and itself when its control connection closes."""
        self._listener.close()
        if self._control is not None:
            self._control.close()


@contextlib.contextmanager
def open_relay(command: list[str], flood_first_bytes: int = 0) -> Iterator[Relay]:
    """
    Offer a proxy command that relays to ``command`` and fails on order.

    :param list command: the real proxy and its arguments
    :param int flood_first_bytes: written to standard error before anything is relayed
    """
    token = secrets.token_hex(16)
    with socket.create_server((LOOPBACK, 0)) as listener:
        arguments = [
            sys.executable,
            "-I",
            "-S",
            str(RELAY),
            "--control",
            str(listener.getsockname()[1]),
            "--token",
            token,
            "--flood-first",
            str(flood_first_bytes),
            "--",
            *command,
        ]
        relay = Relay(arguments, listener, token)
        try:
            yield relay
        finally:
            relay.close()


def strike(fault: Fault, pid: int, relay: Relay | None) -> None:
    """
    Bring the fault about, and return at once: what follows is being timed.

    :param int pid: the proxy, a direct child of the client under test
    :param Relay relay: the relay in its place, for a fault that needs one
    """
    if fault.number:
        os.kill(pid, fault.number)
    else:
        assert relay is not None
        relay.send_order(fault.order)


def _read_line(control: socket.socket) -> str:
    """Read up to a newline, byte by byte: the lines are short and nothing may be read ahead."""
    line = b""
    while not line.endswith(b"\n"):
        byte = control.recv(1)
        if not byte:
            break
        line += byte
    return line.decode("ascii").strip()
