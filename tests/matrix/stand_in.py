"""
A proxy program that relays to a server over TCP, and fails on order at an exact byte.

Role: stands where ``ssh -W`` stands, because nobody can tell a real one after which byte to die.
Started by the library under test as its proxy command, ordered about by `orders.StandIn` over a
loopback connection. Runs as a script in any interpreter and imports the standard library alone.
Unlike the gate's relay it has one thread, counts bytes and messages, and needs no bastion.

Usage: stand_in.py CONTROL-PORT TOKEN ADDRESS PORT [HOLD]

HOLD says where the server's words stop being passed on: ``bytes:N``, ``banner:N`` (N bytes after
its first line) or ``message:K+N`` (N bytes after its K-th message, as long as these are in clear).

Orders, one a line: ``hold``, ``hold-after N``, ``hold-input``, ``release``, ``pass N``, ``drip``,
``garbage N``, ``say HEX``, ``close-output``, ``counts``, each answered by one line; ``kill``,
``terminate``, ``exit STATUS WORDS``, which are not answered.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import struct
import sys
import time

CHUNK_BYTES = 65536
BACKLOG_BYTES = 65536
CONTROL_TIMEOUT_S = 10.0
DRIP_S = 0.3
NEVER_S = 3600.0

#: Said on standard error at once, so that every failure has something to quote.
WORDS = b"stand-in: relaying\n"


class StandIn:
    """
    Relay between the standard streams and a server; never blocks but in its one `poll`.

    Thread-safety: one thread.
    """

    def __init__(self, control: socket.socket, server: socket.socket, hold: str) -> None:
        self._control = control
        self._server = server
        self._orders = b""
        self._hold_at = hold
        self._holding = False
        self._left: int | None = None
        self._input_held = False
        self._output_open = True
        self._garbled = False
        self._next_drip_s: float | None = None
        self._seen = b""
        self._relayed = 0
        self._held = bytearray()
        self._to_client = bytearray()
        self._to_server = bytearray()
        self._server_open = True
        os.set_blocking(1, False)
        server.setblocking(False)

    def run(self) -> None:
        """Relay until the client, the server or an order ends this process."""
        self._stop_where_told()
        while True:
            for descriptor, event in self._wait():
                self._serve(descriptor, event)
            self._drip()
            if not (self._server_open or self._held or self._to_client):
                os._exit(0)

    def _wait(self) -> list[tuple[int, int]]:
        poll = select.poll()
        poll.register(self._control, select.POLLIN)
        # Without POLLIN it still tells of the end.
        takes = not self._input_held and len(self._to_server) < BACKLOG_BYTES
        poll.register(0, select.POLLIN if takes else 0)
        events = select.POLLOUT if self._to_server else 0
        if self._server_open and (self._holding or len(self._to_client) < BACKLOG_BYTES):
            events |= select.POLLIN
        if events:
            poll.register(self._server, events)
        if self._to_client:
            poll.register(1, select.POLLOUT)
        if self._next_drip_s is None:
            return poll.poll()
        return poll.poll(max(0.0, self._next_drip_s - time.monotonic()) * 1000 + 1)

    def _serve(self, descriptor: int, event: int) -> None:
        if descriptor == self._control.fileno():
            self._obey()
        elif descriptor == 0:
            data = os.read(0, CHUNK_BYTES) if event & select.POLLIN else b""
            if not data:
                os._exit(0)  # the client has closed its end
            self._to_server += data
        elif descriptor == 1:
            self._write_out()
        else:
            self._exchange(event)

    def _exchange(self, event: int) -> None:
        try:
            if event & select.POLLOUT:
                del self._to_server[: self._server.send(self._to_server)]
            if event & (select.POLLIN | select.POLLHUP | select.POLLERR):
                self._take(self._server.recv(CHUNK_BYTES))
        except BlockingIOError:
            pass
        except OSError:
            self._take(b"")

    def _take(self, data: bytes) -> None:
        if not data:
            self._server_open = False
        elif not self._garbled:
            if self._hold_at:
                self._seen += data
            self._held += data
            self._stop_where_told()
            if not self._holding:
                self._pass_on()

    def _pass_on(self) -> None:
        if self._left is None:
            return self._pass(len(self._held))
        size = min(self._left, len(self._held))
        self._pass(size)
        self._left -= size
        self._holding = not self._left

    def _stop_where_told(self) -> None:
        """Begin to hold as soon as the place that was given at the start is reached."""
        place = find(self._seen, self._hold_at) if self._hold_at else None
        if place is None or place > len(self._seen):
            return
        self._hold_at = ""
        self._holding = True
        self._pass(place - self._relayed)
        self._answer("held")

    def _pass(self, size: int) -> None:
        self._to_client += self._held[:size]
        del self._held[:size]
        self._relayed += size
        self._write_out()

    def _write_out(self) -> None:
        if not self._output_open:
            self._to_client.clear()
        try:
            while self._to_client:
                del self._to_client[: os.write(1, self._to_client)]
        except BlockingIOError:
            pass
        except OSError:
            self._output_open = False
            self._to_client.clear()

    def _drip(self) -> None:
        if self._next_drip_s is not None and time.monotonic() >= self._next_drip_s:
            self._next_drip_s = time.monotonic() + DRIP_S
            if self._held:
                self._pass(1)
            else:
                self._to_client += b"."
                self._write_out()

    def _obey(self) -> None:
        received = self._control.recv(CHUNK_BYTES)
        if not received:
            os._exit(1)  # the test is gone
        *orders, self._orders = (self._orders + received).split(b"\n")
        for line in orders:
            order, _, argument = line.decode("ascii").partition(" ")
            self._carry_out(order, argument)

    def _carry_out(self, order: str, argument: str) -> None:
        if order in ("kill", "terminate", "exit"):
            end(order, argument)
        elif order == "hold":
            self._holding = True
        elif order == "hold-after":
            self._left = int(argument)
        elif order == "hold-input":
            self._input_held = True
        elif order == "release":
            self._holding = self._input_held = False
            self._left = None
            self._pass(len(self._held))
        elif order == "pass":
            if int(argument) > len(self._held):
                return self._answer(f"only {len(self._held)} bytes are held")
            self._pass(int(argument))
        elif order == "drip":
            self._holding = True
            self._next_drip_s = time.monotonic()
        elif order == "garbage":
            self._say(garbage(int(argument)))
        elif order == "say":
            self._say(bytes.fromhex(argument))
        elif order == "close-output":
            self._output_open = False
            os.close(1)
        elif order == "counts":
            return self._answer(f"{self._relayed} {len(self._held)}")
        else:
            return self._answer("unknown order")
        self._answer("done")

    def _say(self, words: bytes) -> None:
        """Pass on these words, and none of the server's any more."""
        self._garbled = True
        self._held.clear()
        self._to_client += words
        self._write_out()

    def _answer(self, words: str) -> None:
        self._control.sendall(f"{words}\n".encode("ascii"))


def find(seen: bytes, place: str) -> int | None:
    """
    Return the position of a place in the server's words; `None` if it is not known yet.

    :param str place: ``bytes:N``, ``banner:N`` or ``message:K+N``
    """
    kind, _, where = place.partition(":")
    if kind == "bytes":
        return int(where)
    position = seen.find(b"\n") + 1
    if not position:
        return None
    if kind == "banner":
        return position + int(where)
    messages, _, more = where.partition("+")
    for _ in range(int(messages)):
        if len(seen) < position + 4:
            return None
        position += 4 + int(struct.unpack_from(">I", seen, position)[0])
    return position + int(more or "0") if position <= len(seen) else None


def garbage(size: int) -> bytes:
    """Return bytes that are neither text nor a message, and end in a line end; always the same."""
    return bytes(0x80 | (number * 37 & 0x7F) for number in range(size - 1)) + b"\n"


def end(order: str, argument: str) -> None:
    """End this process in the way that was ordered."""
    if order == "exit":
        status, _, words = argument.partition(" ")
        if words:
            os.write(2, f"{words}\n".encode("ascii"))
        os._exit(int(status))
    os.kill(os.getpid(), signal.SIGKILL if order == "kill" else signal.SIGTERM)
    signal.pause()


def main(arguments: list[str]) -> None:
    """Connect to the test and to the server, then relay."""
    control_port, token, address, port, *hold = arguments
    control = socket.create_connection(("127.0.0.1", int(control_port)), CONTROL_TIMEOUT_S)
    control.settimeout(None)
    server = socket.create_connection((address, int(port)), CONTROL_TIMEOUT_S)
    server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    os.write(2, WORDS)
    control.sendall(f"{token}\n".encode("ascii"))
    StandIn(control, server, "".join(hold)).run()


if __name__ == "__main__":
    main(sys.argv[1:])
