"""
A channel whose proxy ends: calls that block on it at that moment.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from session.connection import Connection, raised
from waiting import PROMPT_S, Call

from paramiko_gate.faults import Fault

Open = Callable[..., Connection]
Prepare = Callable[[Connection], Callable[[], Any]]

#: Never reads its input; ends soon after its session.
READS_NOTHING = "while kill -0 $PPID; do sleep 1; done"

#: More than a channel's window and every buffer on the way together.
TOO_MUCH = b"x" * (4 * 1024 * 1024)


def recv(connection: Connection) -> Callable[[], Any]:
    channel = connection.run()
    assert channel.recv(2) == b"ab"
    return lambda: channel.recv(1)


def recv_with_time_limit(connection: Connection) -> Callable[[], Any]:
    channel = connection.run()
    assert channel.recv(2) == b"ab"
    channel.settimeout(30)
    return lambda: channel.recv(1)


def recv_stderr(connection: Connection) -> Callable[[], Any]:
    channel = connection.run()
    return lambda: channel.recv_stderr(1)


def read(connection: Connection) -> Callable[[], Any]:
    stdout = connection.run().makefile("rb")
    return lambda: stdout.read()


def sized_read(connection: Connection) -> Callable[[], Any]:
    stdout = connection.run().makefile("rb")
    return lambda: stdout.read(3)


def readline(connection: Connection) -> Callable[[], Any]:
    stdout = connection.run().makefile("r")
    return lambda: stdout.readline()


def readlines(connection: Connection) -> Callable[[], Any]:
    stdout = connection.run().makefile("r")
    return lambda: stdout.readlines()


def iteration(connection: Connection) -> Callable[[], Any]:
    stdout = connection.run().makefile("r")
    return lambda: list(stdout)


def stderr_readline(connection: Connection) -> Callable[[], Any]:
    stderr = connection.run().makefile_stderr("r")
    return lambda: stderr.readline()


def recv_exit_status(connection: Connection) -> Callable[[], Any]:
    channel = connection.run()
    return lambda: channel.recv_exit_status()


def sendall_when_window_is_full(connection: Connection) -> Callable[[], Any]:
    channel = connection.run(READS_NOTHING)
    while channel.send_ready():
        channel.send(TOO_MUCH[:32768])
    return lambda: channel.sendall(TOO_MUCH)


def write_when_window_is_full(connection: Connection) -> Callable[[], Any]:
    stdin = connection.run(READS_NOTHING).makefile_stdin("wb")
    return lambda: stdin.write(TOO_MUCH)


#: What waits for the command at the other end.
WAITING: dict[str, Prepare] = {
    "recv": recv,
    "recv-with-time-limit": recv_with_time_limit,
    "recv_stderr": recv_stderr,
    "read": read,
    "sized-read": sized_read,
    "readline": readline,
    "readlines": readlines,
    "iteration": iteration,
    "stderr-readline": stderr_readline,
    "recv_exit_status": recv_exit_status,
    "sendall-when-window-is-full": sendall_when_window_is_full,
    "write-when-window-is-full": write_when_window_is_full,
}


def exec_command(connection: Connection) -> Callable[[], Any]:
    channel = connection.transport.open_session()
    return lambda: channel.exec_command("true")


def invoke_shell(connection: Connection) -> Callable[[], Any]:
    channel = connection.transport.open_session()
    return lambda: channel.invoke_shell()


def get_pty(connection: Connection) -> Callable[[], Any]:
    channel = connection.transport.open_session()
    return lambda: channel.get_pty()


def sendall_when_pipe_is_full(connection: Connection) -> Callable[[], Any]:
    channel = connection.run()
    return lambda: channel.sendall(TOO_MUCH)


#: What waits for an answer, or for the proxy itself, and so blocks when the proxy stalls.
STALLED: dict[str, Prepare] = {
    "exec_command": exec_command,
    "invoke_shell": invoke_shell,
    "get_pty": get_pty,
    "sendall-when-pipe-is-full": sendall_when_pipe_is_full,
}


@pytest.mark.fault
@pytest.mark.parametrize("name", [*WAITING, *STALLED])
def test_blocked_call_raises_reason_when_proxy_is_killed(open_connection: Open, name: str) -> None:
    """
    A call that blocks on a channel raises why the proxy ended, and again when it is repeated.

    Reproduces paramiko#1277.
    """
    connection = open_connection()
    if name in STALLED:
        call = STALLED[name](connection)
        connection.stall()
    else:
        call = WAITING[name](connection)
    (error,) = connection.strike_during(call)
    connection.assert_reason(error)
    connection.assert_ended()

    again = raised(Call(call), PROMPT_S)
    connection.assert_reason(again)
    assert again is not error
    assert again.__cause__ is error.__cause__ is not None


@pytest.mark.fault
def test_all_blocked_calls_raise_reason_when_proxy_ends(
    open_connection: Open, fault: Fault
) -> None:
    """
    Whatever blocks on the channels of a connection raises the same reason, whatever it is.
    """
    connection = open_connection(fault)
    calls = [prepare(connection) for prepare in {**WAITING, **STALLED}.values()]
    connection.stall()
    errors = connection.strike_during(*calls)
    for error in errors:
        connection.assert_reason(error)
    connection.assert_ended()
    assert len({str(error) for error in errors}) == 1
