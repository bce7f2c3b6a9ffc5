"""
Sending on a channel whose input the program itself has ended: an error, and no busy loop.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from session.connection import RAISES_S
from session.valve import Valve
from waiting import Call

#: Of every step that waits for nobody else.
STEP_S = 10.0

#: Reads its input to the end, and goes on until the connection ends.
READS_AND_STAYS = "cat >/dev/null; exec sleep 60"

#: More than the window of a channel.
TOO_MUCH = bytes(4_000_000)


def write(file: Any, data: bytes) -> None:
    file.write(data)
    file.flush()


SENDERS: dict[str, Callable[[Any, bytes], Any]] = {
    "sendall": lambda channel, data: channel.sendall(data),
    "sendall_stderr": lambda channel, data: channel.sendall_stderr(data),
    "file": lambda channel, data: write(channel.makefile("wb"), data),
    "stderr-file": lambda channel, data: write(channel.makefile_stderr("wb"), data),
    "stdin": lambda channel, data: write(channel.makefile_stdin("wb"), data),
}


def open_channel(connect_through_valve: Callable[..., Any]) -> Any:
    channel = connect_through_valve().get_transport().open_session(timeout=STEP_S)
    channel.exec_command(READS_AND_STAYS)
    return channel


@pytest.mark.parametrize("name", SENDERS)
def test_send_raises_when_the_input_has_ended(
    connect_through_valve: Callable[..., Any], name: str
) -> None:
    channel = open_channel(connect_through_valve)
    channel.shutdown_write()

    error = Call(SENDERS[name], channel, b"more").error(RAISES_S)

    assert isinstance(error, OSError)
    assert str(error) == "Socket is closed"
    assert not channel.closed


@pytest.mark.parametrize("name", SENDERS)
def test_send_raises_when_the_input_ends_while_it_waits(
    connect_through_valve: Callable[..., Any], valve: Valve, name: str
) -> None:
    """
    The server grants no more room, and another thread ends the input.
    """
    channel = open_channel(connect_through_valve)
    valve.to_client.clear()
    sending = Call(SENDERS[name], channel, TOO_MUCH)
    assert sending.blocks()

    channel.shutdown_write()

    error = sending.error(RAISES_S)
    assert isinstance(error, OSError)
    assert str(error) == "Socket is closed"


def test_send_returns_nothing_when_the_input_has_ended(
    connect_through_valve: Callable[..., Any],
) -> None:
    """
    As it does upstream; and an empty string is sent as before.
    """
    channel = open_channel(connect_through_valve)
    channel.shutdown_write()

    assert channel.send(b"more") == 0
    assert channel.send_stderr(b"more") == 0
    assert channel.sendall(b"") is None
    assert channel.sendall_stderr(b"") is None
