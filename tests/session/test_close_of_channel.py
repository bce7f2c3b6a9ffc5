"""
Channels that are closed, shut down or read while another thread closes their connection.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from session.connection import RAISES_S, Connection
from waiting import Call, wait_until

Open = Callable[..., Connection]

#: Reads its input and prints nothing.
READS = "exec cat >/dev/null"

#: More than the pipe to a stalled proxy holds, and less than the window of the server.
FILLS_PIPE = bytes(2_000_000)

#: So much of it makes a reader grant more room.
OUTPUT_BYTES = 1_000_000

CLOSERS: dict[str, Callable[[Any], Any]] = {
    "close": lambda channel: channel.close(),
    "shutdown": lambda channel: channel.shutdown(2),
    "shutdown_write": lambda channel: channel.shutdown_write(),
    "close-of-stdin": lambda channel: channel.makefile_stdin("wb").close(),
}


def fill_pipe(connection: Connection) -> Call:
    """
    Stall a connection and return a call that is stuck on its full pipe.
    """
    channel = connection.run(READS)
    connection.stall()
    sending = Call(channel.sendall, FILLS_PIPE)
    assert sending.blocks()
    return sending


@pytest.mark.fault
@pytest.mark.parametrize("name", CLOSERS)
def test_closing_a_channel_raises_nothing_when_connection_is_closed_during_it(
    open_connection: Open, printed: list[str], name: str
) -> None:
    """
    Whether it is stuck behind another sender until then or not.
    """
    connection = open_connection()
    channel = connection.run(READS)
    sending = fill_pipe(connection)
    closing = Call(CLOSERS[name], channel)
    closing.blocks()  # unless it need not wait for the other sender

    connection.client.close()

    assert closing.error(RAISES_S) is None
    sending.wait(RAISES_S)
    assert printed == []


@pytest.mark.fault
@pytest.mark.parametrize("stderr", [False, True], ids=["recv", "recv_stderr"])
def test_read_returns_what_it_has_taken_when_connection_is_closed_during_it(
    open_connection: Open, stderr: bool
) -> None:
    """
    The reader wants to grant the server more room, which nobody needs any more.
    """
    connection = open_connection()
    redirection = ">&2" if stderr else ""
    channel = connection.run(f"head -c {OUTPUT_BYTES} /dev/zero {redirection}; exec cat")
    stream = channel.in_stderr_buffer if stderr else channel.in_buffer
    wait_until(lambda: len(stream) == OUTPUT_BYTES, 10, "the command's output")
    sending = fill_pipe(connection)
    reading = Call(channel.recv_stderr if stderr else channel.recv, OUTPUT_BYTES)
    reading.blocks()  # unless it need not wait for the other sender

    connection.client.close()

    assert len(reading.result(RAISES_S)) == OUTPUT_BYTES
    sending.wait(RAISES_S)
