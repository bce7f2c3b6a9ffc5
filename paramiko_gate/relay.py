"""
A proxy program that relays to a real one and fails on command.

Role: stands between the client under test and ``ssh -W``, because a real ``ssh -W`` can only be
killed from outside; it cannot be told to exit with a status or to close its output and live on.
Started by the client under test, as its proxy command, and ordered about by the harness through
`paramiko_gate.faults.Relay` over a loopback connection. Runs as a script in any interpreter from
3.9 on and imports the standard library alone.

Usage: relay.py --control PORT --token TOKEN [--flood-first BYTES] -- COMMAND ...

Orders, one a line: ``exit N``, ``close-output``, ``flood-stderr BYTES``, ``stall``, ``resume``.
Each but ``exit`` is answered by ``done ORDER`` when it has been carried out.
"""

from __future__ import annotations

import argparse
import os
import socket
import subprocess
import sys
import threading

CHUNK_BYTES = 65536
CONTROL_TIMEOUT_S = 10.0
CHILD_END_TIMEOUT_S = 5.0
ADVICE = b"relay: this is chatter on standard error, as a verbose ssh or a wrapper prints it\n"


class Relay:
    """
    Pump bytes both ways between the standard streams and a child, until told to fail.

    Thread-safety: one thread for each direction and one for orders. ``_relaying`` is clear while
    an order stops all transfers, as a single-threaded proxy stops when a write to its standard
    error blocks. It is no lock: a direction that blocks on a full pipe must not hold up the other,
    which may be what empties that pipe.
    """

    def __init__(self, command: list[str], control: socket.socket) -> None:
        self._control = control
        self._relaying = threading.Event()
        self._relaying.set()
        self._ordered_to_end = threading.Event()
        # Standard error is inherited: the words of the real proxy reach the client unchanged.
        self._child = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
        )

    def run(self) -> None:
        """Relay until the child ends, an order ends this process, or the harness goes away."""
        threading.Thread(target=self._obey, daemon=True).start()
        threading.Thread(target=self._pump_in, daemon=True).start()
        self._pump_out()
        status = self._child.wait()
        if self._ordered_to_end.is_set():
            # The child died by our own hand; the order, not its status, says how we end.
            threading.Event().wait()
        _exit(status if status >= 0 else 128 - status)

    def _pump_in(self) -> None:
        assert self._child.stdin is not None
        self._pump(0, self._child.stdin.fileno())
        # Half-close: the real proxy learns that no more comes and ends by itself.
        self._child.stdin.close()

    def _pump_out(self) -> None:
        assert self._child.stdout is not None
        self._pump(self._child.stdout.fileno(), 1)

    def _pump(self, source: int, sink: int) -> None:
        while True:
            try:
                data = os.read(source, CHUNK_BYTES)
                if not data:
                    return
                self._relaying.wait()
                _write_all(sink, data)
            except OSError:
                return

    def _obey(self) -> None:
        orders = self._control.makefile("r", encoding="ascii")
        for line in orders:
            order, _, argument = line.strip().partition(" ")
            if order == "exit":
                self._end_child()
                _exit(int(argument))
            elif order == "close-output":
                self._close_output()
            elif order == "flood-stderr":
                self._relaying.clear()
                flood_stderr(int(argument))
                self._relaying.set()
            elif order == "stall":
                self._relaying.clear()
            elif order == "resume":
                self._relaying.set()
            else:
                self._control.sendall(b"unknown order\n")
                continue
            self._control.sendall(f"done {order}\n".encode("ascii"))
        # The harness is gone; nobody would ever end this process.
        self._end_child()
        _exit(1)

    def _close_output(self) -> None:
        # dup2 and not close: it is atomic, so that a transfer that is under way in the other
        # thread can never write into a file that was given the freed number.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.close(nowhere)

    def _end_child(self) -> None:
        self._ordered_to_end.set()
        self._child.kill()
        try:
            self._child.wait(timeout=CHILD_END_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            pass


def flood_stderr(size_bytes: int) -> None:
    """Write that much chatter; blocks for ever when nobody reads it, as a real proxy does."""
    _write_all(2, (ADVICE * (size_bytes // len(ADVICE) + 1))[:size_bytes])


def _write_all(sink: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(sink, view) :]


def _exit(status: int) -> None:
    # Not sys.exit: from a thread it would end the thread only, and a blocked pump would keep
    # the process alive.
    os._exit(status)


def main(arguments: list[str]) -> None:
    """Read the command line, report to the harness, chatter if asked to, and relay."""
    parser = argparse.ArgumentParser(prog="relay")
    parser.add_argument("--control", type=int, required=True, metavar="PORT")
    parser.add_argument("--token", required=True)
    parser.add_argument("--flood-first", type=int, default=0, metavar="BYTES")
    parser.add_argument("command", nargs="+")
    options = parser.parse_args(arguments)
    control = socket.create_connection(("127.0.0.1", options.control), timeout=CONTROL_TIMEOUT_S)
    control.settimeout(None)
    relay = Relay(options.command, control)
    control.sendall(f"relay {options.token} {os.getpid()}\n".encode("ascii"))
    flood_stderr(options.flood_first)
    relay.run()


if __name__ == "__main__":
    main(sys.argv[1:])
