"""
The test's hand on a stand-in proxy: where it holds, what it has seen, how it ends.

Counterpart of `stand_in`, which the library under test starts as its proxy command. Imports no
paramiko of any name.
"""

from __future__ import annotations

import contextlib
import secrets
import select
import shlex
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

from waiting import wait_until

PROGRAM = Path(__file__).with_name("stand_in.py")
ANSWER_TIMEOUT_S = 10.0


class StandIn:
    """
    Order one stand-in proxy about.

    ``command`` is the proxy command for the library under test. Thread-safety: one thread, once
    the proxy runs.

    :param socket.socket listener: where the proxy reports
    :param str address: the server behind it
    :param int port: its port
    :param str hold: where it begins to hold the server's words, as `stand_in` has it
    """

    def __init__(self, listener: socket.socket, address: str, port: int, hold: str) -> None:
        self._listener = listener
        self._token = secrets.token_hex(16)
        self._control: socket.socket | None = None
        self._received = b""
        reports_to = listener.getsockname()[1]
        words = [str(PROGRAM), str(reports_to), self._token, address, str(port), hold]
        self.command = shlex.join([sys.executable, "-I", "-S", *words])

    def order(self, *orders: str) -> None:
        """Send orders, to be carried out one straight after the other; do not wait."""
        self._connected().sendall("".join(f"{order}\n" for order in orders).encode("ascii"))

    def ask(self, order: str) -> str:
        """
        Send one order and return the answer; blocks for `ANSWER_TIMEOUT_S` at the most.

        :raises AssertionError: there was none
        """
        self.order(order)
        return self.answer()

    def do(self, order: str) -> None:
        """
        Have one order carried out, and return when it has been.

        :raises AssertionError: it was refused, or not answered in `ANSWER_TIMEOUT_S` seconds
        """
        got = self.ask(order)
        assert got == "done", f"{order}: {got}"

    def relayed(self) -> int:
        """Return how many bytes of the server's it has passed on."""
        return int(self.ask("counts").split()[0])

    def held(self) -> int:
        """Return how many bytes of the server's it holds back now."""
        return int(self.ask("counts").split()[1])

    def wait_held(self, size: int = 1) -> None:
        """Return when it holds at least so many bytes back."""
        wait_until(lambda: self.held() >= size, ANSWER_TIMEOUT_S, f"{size} bytes held back")

    def wait_stopped(self) -> None:
        """Return when it has reached the place that was given at the start."""
        got = self.answer()
        assert got == "held", got

    def answer(self) -> str:
        """
        Return the next line it says.

        :raises AssertionError: it said nothing for `ANSWER_TIMEOUT_S` seconds, or has ended
        """
        control = self._connected()
        while b"\n" not in self._received:
            try:
                piece = control.recv(4096)
            except socket.timeout:
                raise AssertionError("the stand-in proxy does not answer") from None
            assert piece, "the stand-in proxy has ended"
            self._received += piece
        line, _, self._received = self._received.partition(b"\n")
        return line.decode("ascii")

    def has_answer(self, timeout_s: float) -> bool:
        """Tell whether it says something within so many seconds."""
        if self._received:
            return True
        return bool(select.select([self._connected()], [], [], timeout_s)[0])

    def close(self) -> None:
        """Let it go: it ends when its control connection does."""
        self._listener.close()
        if self._control is not None:
            self._control.close()

    def _connected(self) -> socket.socket:
        if self._control is None:
            self._listener.settimeout(ANSWER_TIMEOUT_S)
            self._control, _ = self._listener.accept()
            self._control.settimeout(ANSWER_TIMEOUT_S)
            assert self.answer() == self._token, "somebody else reported to the control port"
        return self._control


@contextlib.contextmanager
def open_stand_in(address: str, port: int, hold: str = "") -> Iterator[StandIn]:
    """
    Offer a proxy command that relays to a server and fails on order.

    :param str hold: where it begins to hold the server's words: ``bytes:N``, ``banner:N`` or
        ``message:K+N``; empty for nowhere
    """
    stand_in = StandIn(socket.create_server(("127.0.0.1", 0)), address, port, hold)
    try:
        yield stand_in
    finally:
        stand_in.close()
