"""
A channel after its proxy has ended: what raises, what stays silent, and what it says of itself.
"""

from __future__ import annotations

import select
import socket
from collections.abc import Callable
from typing import Any

import pytest
from session.connection import RAISES_S, Connection, buffered
from waiting import Call

from paramiko_gate.faults import Fault

Open = Callable[..., Connection]

#: Every call on a channel that needs the server.
NEEDS_SERVER: dict[str, Callable[[Any], Any]] = {
    "exec_command": lambda channel: channel.exec_command("true"),
    "get_pty": lambda channel: channel.get_pty(),
    "invoke_shell": lambda channel: channel.invoke_shell(),
    "invoke_subsystem": lambda channel: channel.invoke_subsystem("sftp"),
    "resize_pty": lambda channel: channel.resize_pty(),
    "request_x11": lambda channel: channel.request_x11(handler=print),
    "request_forward_agent": lambda channel: channel.request_forward_agent(print),
    "set_environment_variable": lambda channel: channel.set_environment_variable("a", "b"),
    "update_environment": lambda channel: channel.update_environment({"a": "b"}),
    "send": lambda channel: channel.send(b"x"),
    "send_stderr": lambda channel: channel.send_stderr(b"x"),
    "sendall": lambda channel: channel.sendall(b"x"),
    "sendall_stderr": lambda channel: channel.sendall_stderr(b"x"),
    "recv": lambda channel: channel.recv(1),
    "recv_stderr": lambda channel: channel.recv_stderr(1),
    "recv_exit_status": lambda channel: channel.recv_exit_status(),
    "read": lambda channel: channel.makefile("rb").read(),
    "readline": lambda channel: channel.makefile("rb").readline(),
    "write": lambda channel: channel.makefile_stdin("wb").write(b"x"),
    "write-of-lines": lambda channel: channel.makefile_stdin("w").writelines(["a\n", "b\n"]),
}

#: Every call that says good-bye or asks nothing of the server.
NEEDS_NOBODY: dict[str, Callable[[Any], Any]] = {
    "shutdown_read": lambda channel: channel.shutdown_read(),
    "shutdown_write": lambda channel: channel.shutdown_write(),
    "shutdown": lambda channel: channel.shutdown(socket.SHUT_RDWR),
    "close": lambda channel: channel.close(),
    "close-again": lambda channel: channel.close(),
    "close-of-file": lambda channel: channel.makefile("rb").close(),
    "close-of-stdin": lambda channel: channel.makefile_stdin("wb").close(),
    "repr": repr,
}


def outcome(call: Callable[[Any], Any], channel: Any) -> str:
    """
    Return the name of the exception class that a call raises, or "nothing".
    """
    error = Call(call, channel).error(RAISES_S)
    return "nothing" if error is None else type(error).__name__


@pytest.mark.fault
def test_every_call_that_needs_server_raises_when_proxy_has_ended(
    open_connection: Open, fault: Fault
) -> None:
    """
    None of them answers, waits, or raises something that says less.
    """
    connection = open_connection(fault)
    channel = connection.transport.open_session()
    connection.strike_and_wait()

    outcomes = {name: outcome(call, channel) for name, call in NEEDS_SERVER.items()}
    assert outcomes == dict.fromkeys(NEEDS_SERVER, "ProxyCommandFailure")


@pytest.mark.fault
def test_calls_that_need_nobody_stay_silent_when_proxy_has_ended(
    open_connection: Open, fault: Fault
) -> None:
    """
    Closing and shutting down a channel of a dead connection raises nothing, in any order.
    """
    connection = open_connection(fault)
    channel = connection.run()
    connection.strike_and_wait()

    outcomes = {name: outcome(call, channel) for name, call in NEEDS_NOBODY.items()}
    assert outcomes == dict.fromkeys(NEEDS_NOBODY, "nothing")


def test_failure_stays_after_channel_was_closed(open_connection: Open) -> None:
    """
    Closing a channel after the end of its proxy does not turn the failure into an end of file.
    """
    connection = open_connection()
    channel = connection.run()
    assert channel.recv(2) == b"ab"
    connection.strike_and_wait()
    channel.close()

    for call in ("recv", "read", "recv_exit_status", "send"):
        assert outcome(NEEDS_SERVER[call], channel) == "ProxyCommandFailure", call


def test_channel_tells_the_truth_about_itself_when_proxy_has_ended(
    open_connection: Open,
) -> None:
    """
    It is closed, nobody has to wait for its exit status, and only data that is there is announced.
    """
    connection = open_connection()
    channel = connection.run()
    assert not channel.closed
    assert not channel.exit_status_ready()
    connection.strike_and_wait()

    assert channel.closed
    assert channel.exit_status_ready()
    assert channel.recv_ready()
    assert buffered(channel) == 2
    assert channel.recv(2) == b"ab"
    assert not channel.recv_ready()
    assert not channel.recv_stderr_ready()


def test_descriptor_of_channel_turns_readable_when_proxy_ends(open_connection: Open) -> None:
    """
    A program that waits in `select` for a channel is woken, and its read raises.
    """
    connection = open_connection()
    channel = connection.run()
    assert channel.recv(2) == b"ab"
    descriptor = channel.fileno()

    waiting = Call(select.select, [descriptor], [], [], 10)
    assert waiting.blocks()
    connection.strike()
    assert waiting.result()[0] == [descriptor]
    assert outcome(NEEDS_SERVER["recv"], channel) == "ProxyCommandFailure"
    channel.close()
