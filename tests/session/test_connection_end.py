"""
The order in which a connection ends: reason, inactive, and only then everybody wakes.
"""

from __future__ import annotations

import contextlib
import gc
import logging
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from session.connection import RAISES_S, WATCHED_S, Connection
from waiting import PROMPT_S, Call, wait_until

from paramiko_gate.faults import KILLED, Fault

Open = Callable[..., Connection]

#: Readers that are woken in one death; ten deaths and ten loops of it make 500 and more.
READERS = 10
SERIES = 10


@pytest.fixture
def busy_switching() -> Iterator[None]:
    """
    Make threads take turns a thousand times as often, so that a race has its chance.
    """
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


@pytest.mark.race
@pytest.mark.fault
@pytest.mark.usefixtures("busy_switching")
def test_woken_reader_finds_transport_inactive_and_reason_stored(open_connection: Open) -> None:
    """
    Whoever is woken by the end is told so, and asks an inactive transport.

    With the default of five loops, 500 readers are woken.
    """
    for _ in range(SERIES):
        connection = open_connection()
        transport = connection.transport
        found: list[tuple[str, bool]] = []

        def read(
            channel: Any, transport: Any = transport, found: list[tuple[str, bool]] = found
        ) -> None:
            try:
                channel.recv(1)
            except Exception as error:
                active = transport.is_active()
                found.append((type(error).__name__, active))

        channels = [transport.open_session() for _ in range(READERS)]
        calls = [Call(read, channel) for channel in channels]
        assert all(call.blocks(0) for call in calls)
        connection.strike()
        for call in calls:
            call.result(PROMPT_S)
        assert found == [("ProxyCommandFailure", False)] * READERS
        connection.client.close()


@pytest.mark.race
@pytest.mark.fault
@pytest.mark.usefixtures("busy_switching")
def test_sender_that_fails_finds_transport_inactive(open_connection: Open) -> None:
    """
    A caller whose write fails before the reader has seen the end is told only when all is over.
    """
    connection = open_connection()
    channel = connection.run("cat >/dev/null")
    found: list[tuple[str, bool]] = []

    def send() -> None:
        try:
            while True:
                channel.send(b"x" * 1000)
        except Exception as error:
            found.append((type(error).__name__, connection.transport.is_active()))

    call = Call(send)
    assert call.blocks(0.01)
    connection.strike()
    call.result(PROMPT_S)
    assert found == [("ProxyCommandFailure", False)]


@pytest.mark.fault
def test_death_is_one_record_without_traceback(
    open_connection: Open, fault: Fault, caplog: pytest.LogCaptureFixture
) -> None:
    """
    The log has the reason once, at ERROR, and no traceback of the library's inside.
    """
    connection = open_connection(fault)
    channel = connection.run()
    connection.strike_and_wait()
    wait_until(lambda: not connection.transport.is_alive(), PROMPT_S, "the thread to end")
    Call(channel.recv_exit_status).error(PROMPT_S)
    connection.client.close()

    records = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert [record.levelno for record in records] == [logging.ERROR]
    assert records[0].name == "paramiko.transport"
    assert fault.reason.search(records[0].getMessage())
    assert "Traceback" not in caplog.text


def test_clean_close_logs_nothing(
    connect_through_valve: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    """
    A connection that the program closes is no news.
    """
    client = connect_through_valve()
    _, stdout, _ = client.exec_command("printf ab; exec cat >/dev/null")
    assert stdout.read(2) == b"ab"
    client.close()

    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


@pytest.mark.fault
def test_each_caller_gets_an_instance_of_its_own(open_connection: Open) -> None:
    """
    Ten readers get ten exceptions with one cause: a shared one would gather their tracebacks.
    """
    connection = open_connection()
    channels = [connection.transport.open_session() for _ in range(READERS)]

    errors = connection.strike_during(*[lambda c=channel: c.recv(1) for channel in channels])

    assert len({id(error) for error in errors}) == READERS
    assert len({id(error.__cause__) for error in errors}) == 1
    for error in errors:
        connection.assert_reason(error)


@pytest.mark.fault
def test_dropped_objects_say_nothing_when_proxy_has_ended(
    open_connection: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Channels, files and SFTP files that the program drops after the end are dropped in silence.
    """
    said: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", said.append)
    connection = open_connection(KILLED)
    sftp = connection.client.open_sftp()
    dropped: list[Any] = [sftp, sftp.open("/etc/hostname"), connection.run()]
    written = dropped[-1].makefile("wb", 1000)
    written.write(b"not flushed")
    dropped += [written, dropped[-1].makefile("rb")]
    connection.strike_and_wait()

    del sftp, written
    dropped.clear()
    gc.collect()

    assert [str(unraisable.exc_value) for unraisable in said] == []


def test_end_is_told_when_the_program_reaps_the_proxy_itself(
    open_connection: Open, failure: Any
) -> None:
    """
    A watchdog that kills it and collects its output takes nothing of the truth; on stock, `recv`
    returns ``b""``.
    """
    connection = open_connection()
    channel = connection.run()
    assert channel.recv(2) == b"ab"
    read = Call(channel.recv, 10)
    assert read.blocks(WATCHED_S)
    connection.proxy.process.kill()
    with contextlib.suppress(OSError, ValueError):
        # Fails if the transport has seen the end first, and closed the pipes.
        connection.proxy.process.communicate(timeout=5)
    assert isinstance(read.error(), failure)
    with pytest.raises(failure):
        connection.transport.open_session(timeout=5)


def test_error_of_the_program_s_own_handler_is_no_close(open_connection: Open) -> None:
    """
    A handler that runs in the transport thread, and fails with what a close would bring.

    Stock ends the connection without a word, and tells nobody why.
    """
    connection = open_connection()

    def refuse(*_: object) -> None:
        raise EOFError("of the handler's own file")

    port = connection.transport.request_port_forward("127.0.0.1", 0, handler=refuse)
    channel = connection.run()
    assert channel.recv(2) == b"ab"
    reader = Call(channel.recv, 1)
    assert reader.blocks()
    connection.client.exec_command(f"bash -c 'exec 3<>/dev/tcp/127.0.0.1/{port}'")

    assert "EOFError: of the handler's own file" in str(reader.error(RAISES_S))
    wait_until(lambda: not connection.transport.is_active(), RAISES_S, "an inactive transport")
    with pytest.raises(Exception, match="of the handler's own file"):
        connection.transport.open_session()
