"""
The environment turns on keepalives for a program that knows nothing of them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from session.valve import Valve
from waiting import Call

VARIABLE = "PARAMIKO_PATCHED_KEEPALIVE"

#: The longest that 0.4 s, three times, may take until a caller is told, on a busy machine.
TOLD_S = 8.0


@pytest.mark.fault
@pytest.mark.parametrize("value", ["0.4,3", " 0.4 , 3 "])
def test_connection_ends_by_the_keepalive_of_the_environment(
    open_connection: Callable[..., Any],
    failure: Any,
    monkeypatch: pytest.MonkeyPatch,
    value: str,
) -> None:
    """
    The program never calls ``set_keepalive``, and its caller is told all the same.
    """
    monkeypatch.setenv(VARIABLE, value)
    connection = open_connection()
    channel = connection.run()
    channel.recv(2)
    connection.stall()

    error = Call(channel.recv, 1).error(TOLD_S)

    assert isinstance(error, failure)
    assert "is alive, but there was no answer to 3 keepalives" in str(error)


@pytest.mark.fault
def test_own_call_of_the_program_wins(
    open_connection: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    It turns keepalives off, and a proxy that is stalled is waited for.
    """
    monkeypatch.setenv(VARIABLE, "0.4,3")
    connection = open_connection()
    channel = connection.run()
    channel.recv(2)
    connection.transport.set_keepalive(0)
    connection.stall()
    reader = Call(channel.recv, 1)

    assert reader.blocks(3)
    assert connection.transport.is_active()
    connection.resume()


@pytest.mark.parametrize("connect_through_valve", ["plain"], indirect=True)
def test_no_keepalive_is_ordered_for_a_plain_socket(
    connect_through_valve: Callable[..., Any], valve: Valve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Must not change: who connects without a proxy command gets what stock gives.
    """
    monkeypatch.setenv(VARIABLE, "0.2,1")
    transport = connect_through_valve().get_transport()
    valve.to_client.clear()
    transport.join(2)
    assert transport.is_active()


@pytest.mark.parametrize(
    "value",
    ["15", "15,", "15,3,1", "on", "0,3", "-1,3", "nan,3", "inf,3", "15,0", "15,1.5", "15;3\n"],
)
def test_value_that_is_not_understood_is_one_warning_and_no_keepalive(
    paramiko: ModuleType,
    proxy_command: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    value: str,
) -> None:
    """
    The warning says what was wanted and what was there, and two connections give one.
    """
    monkeypatch.setenv(VARIABLE, value)
    for _ in range(2):
        transport = paramiko.Transport(paramiko.ProxyCommand(proxy_command))
        assert transport.packetizer._until_keepalive() is None
        transport.close()

    (record,) = caplog.records
    assert (record.name, record.levelno) == ("paramiko.transport", logging.WARNING)
    assert record.getMessage() == (
        f"{VARIABLE} is not understood; wanted: SECONDS,COUNT such as 15,3; got: {value!r}; "
        "connections have no keepalive by default"
    )


@pytest.mark.parametrize("value", [None, ""])
def test_nothing_is_said_or_sent_when_nothing_is_ordered(
    paramiko: ModuleType,
    proxy_command: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    value: str | None,
) -> None:
    """
    Must not change: without the variable, or with an empty one, there is no keepalive.
    """
    monkeypatch.delenv(VARIABLE, raising=False)
    if value is not None:
        monkeypatch.setenv(VARIABLE, value)
    transport = paramiko.Transport(paramiko.ProxyCommand(proxy_command))
    assert transport.packetizer._until_keepalive() is None
    transport.close()
    assert not caplog.records


def test_subclass_with_the_signature_of_stock_connects(
    paramiko: ModuleType, proxy_command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Must not change: its own method is for the program's calls.
    """

    class Old(paramiko.Transport):  # type: ignore[misc, name-defined]
        def set_keepalive(self, interval: int) -> None:
            raise AssertionError("called by the library")

    monkeypatch.setenv(VARIABLE, "15,3")
    transport = Old(paramiko.ProxyCommand(proxy_command))
    transport.close()
