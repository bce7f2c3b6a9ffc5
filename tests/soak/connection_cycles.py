"""
A whole connection to a real server, broken off at a byte and in a way that chance has chosen.

The proxy is the matrix's stand-in, which counts the server's bytes: a place is drawn between the
first of them and the last, so it may be anywhere in the handshake, the login, a command or SFTP.
"""

from __future__ import annotations

import logging
import os
import random
import signal
from typing import Any

from matrix.orders import StandIn, open_stand_in
from soak import cycling
from soak.login import log_in
from waiting import Call

#: A step that must succeed, on a machine with other things to do.
STEP_S = 30.0

#: A step that waits for a proxy which has stopped.
STALLED_STEP_S = 0.3

#: From the end of the proxy until the caller has been told; a close.
TOLD_S = 3.0

#: What happens there, and how often. The orders are the stand-in's.
FAULTS = {
    "kill": 30,
    "terminate": 12,
    "exit 0": 8,
    "exit 97 gone": 15,
    "close-output": 12,
    "garbage 65536": 8,
    "stop": 3,
    "release": 12,
}
DEATHS = ("kill", "terminate", "exit 0", "exit 97 gone", "close-output")


class Session:
    """
    Connect, run a command, list a folder, and wait for what will not come.

    :param dict order: what is needed to log in
    :param float step_s: time limit of each step, in seconds
    """

    def __init__(self, paramiko: Any, order: dict[str, Any], command: str, step_s: float) -> None:
        self._order = order
        self._step_s = step_s
        self.proxy = paramiko.ProxyCommand(command)
        self.client = paramiko.SSHClient()
        self.client.load_host_keys(order["known_hosts"])

    def run(self) -> None:
        """
        Do it all; returns at the end of the command, and what that is at the end of its input.
        """
        order, step_s = self._order, self._step_s
        log_in(self.client, order, step_s, self.proxy)
        transport = self.client.get_transport()
        if step_s == STALLED_STEP_S:
            # Some calls have no time limit of their own: this is theirs.
            transport.set_keepalive(STALLED_STEP_S, count_max=1)
        channel = transport.open_session(timeout=step_s)
        channel.settimeout(step_s)
        channel.exec_command("printf ab; exec cat")
        assert channel.recv(1) == b"a"
        sftp = self.client.open_sftp()
        sftp.get_channel().settimeout(step_s)
        assert sftp.stat(".").st_mode
        assert isinstance(sftp.listdir(os.path.dirname(order["known_hosts"])), list)
        with sftp.open(order["known_hosts"]) as file:
            assert file.read(10) == b"[127.0.0.1"
        channel.sendall(b"cd")
        channel.shutdown_write()
        said = channel.makefile("rb").read()
        assert said == b"bcd", said

    def close(self) -> None:
        """
        Close it from the top, in bounded time.
        """
        Call(self.client.close).result(TOLD_S)
        Call(self.proxy.close).result(TOLD_S)


def main(paramiko: Any, order: dict[str, Any]) -> None:
    """
    Run the cycles; see `cycling.run`.
    """
    # Thousands of records that are expected.
    logging.getLogger("paramiko").addHandler(logging.NullHandler())
    place = (order["address"], order["port"])
    with open_stand_in(*place) as stand_in:
        session = Session(paramiko, order, stand_in.command, STEP_S)
        session.run()
        length = stand_in.relayed()
        session.close()

    def cycle(chance: random.Random) -> str:
        (fault,) = chance.choices(list(FAULTS), list(FAULTS.values()))
        step_s = STALLED_STEP_S if fault == "stop" else STEP_S
        with open_stand_in(*place, f"bytes:{chance.randrange(length)}") as stand_in:
            session = Session(paramiko, order, stand_in.command, step_s)
            try:
                return _break_off(paramiko, session, stand_in, fault)
            finally:
                session.close()

    cycling.run(cycle, order)


def _break_off(paramiko: Any, session: Session, stand_in: StandIn, fault: str) -> str:
    """
    Run a session up to the place that was drawn, and check what becomes of it there.

    :returns: the fault, or that there was nothing left to break off
    """
    # Its time limits may be shorter than what a busy machine needs to start the proxy.
    stand_in.has_answer(0)
    running = Call(session.run)
    while not stand_in.has_answer(0.1):
        if not running.blocks(0):
            # The server's last bytes differ a little from time to time.
            assert running.error() is None or fault == "stop", repr(running.error())
            return "had ended"
    try:
        stand_in.wait_stopped()
    except AssertionError:
        # With such short time limits the client may have given up, and closed its proxy, before.
        if fault != "stop" or running.error(TOLD_S) is None:
            raise
        return "had ended"
    if fault == "stop":
        os.kill(session.proxy.process.pid, signal.SIGSTOP)
    else:
        stand_in.order(fault)
    error = running.error(STEP_S if fault in ("release", "stop") else TOLD_S)
    if fault == "release":
        assert error is None, repr(error)
    elif fault in DEATHS:
        # No error: all that was asked for had arrived before.
        told = error is None or isinstance(error, paramiko.ProxyCommandFailure)
        assert told, repr(error)
        return "had ended" if error is None else fault
    else:
        # A time limit, or what a garbled message is called.
        expected = (type(None), paramiko.SSHException, OSError)
        assert isinstance(error, expected), repr(error)
    return fault
