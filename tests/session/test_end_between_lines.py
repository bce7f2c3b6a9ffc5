"""
The end of a connection between any two lines of a call: the caller is told the truth in time.

What comes there may be another thread's turn or a signal handler. There are thousands of lines, so
each loop draws one by lot, and says which when it fails.
"""

from __future__ import annotations

import logging
import random
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from interrupts import Intrusion
from session.calls import CALLS, CLOSED, Scene, set_scene
from session.conftest import CONNECT_LIMIT_S, login
from session.connection import RAISES_S, Connection
from waiting import Call, wait_until

from paramiko_gate.servers.endpoint import Host

Open = Callable[..., Connection]


class End:
    """
    One end of a connection, drawn by lot: a death, or a close by another thread.

    `client`, `proxy` and `close` are to be set before it can come.
    """

    def __init__(self, paramiko: ModuleType) -> None:
        self.client: Any = None
        self.proxy: Any = None
        self.close: Callable[[], object] = lambda: None
        self.dies = random.random() < 0.4
        self._closing: Call | None = None
        self._library = paramiko
        prefix = f"{paramiko.__name__}."
        modules = [module for name, module in sys.modules.items() if name.startswith(prefix)]
        self.intrusion = Intrusion(modules, self._come)

    def __str__(self) -> str:
        how = "death" if self.dies else "close"
        return f"{how} at {self.intrusion.came_at}"

    @property
    def has_come(self) -> bool:
        """
        Tell whether it has come to the line that was drawn.
        """
        return bool(self.intrusion.came_at)

    def count(self, thread: threading.Thread, work: Callable[[], Any]) -> None:
        """
        Do the work undisturbed, to learn how many lines the thread runs.
        """
        self._run(thread, 0, work)

    def disturb(self, thread: threading.Thread, work: Callable[[], Any]) -> Any:
        """
        Do the work, and come before one of as many lines as were counted.
        """
        return self._run(thread, random.randint(1, max(1, self.intrusion.lines)), work)

    def _run(self, thread: threading.Thread, line: int, work: Callable[[], Any]) -> Any:
        self.intrusion.plan(thread, line)
        sys.settrace(self.intrusion.trace)
        try:
            return work()
        finally:
            sys.settrace(None)

    def _come(self) -> None:
        if self.dies:
            self.proxy.process.kill()
            transport = self.client.get_transport()
            if transport not in (None, threading.current_thread()) and transport.is_alive():
                # It may want what this thread holds.
                transport.join(0.5)
        else:
            self._closing = Call(self.close)
            self._closing.blocks()

    def check(self, call: Call, limit_s: float) -> BaseException | None:
        """
        Return what a call has raised, having checked that it was the truth, and in time.
        """
        try:
            error = call.error(limit_s)
        except AssertionError as blocks:
            pytest.fail(f"{self}: {blocks}")
        what = f"{self}: {error!r}"
        assert self._closing is None or self._closing.error(2 * RAISES_S) is None, what
        if error is None:
            return None
        assert self.has_come, what
        if self.dies:
            assert isinstance(error, self._library.ProxyCommandFailure), what
        else:
            assert isinstance(error, (EOFError, OSError, self._library.SSHException)), what
            assert not isinstance(error, self._library.ProxyCommandFailure), what
        return error


@pytest.fixture
def end(paramiko: ModuleType) -> Iterator[End]:
    """
    Return an end, which sees the lines of all threads that the test starts.
    """
    drawn = End(paramiko)
    threading.settrace(drawn.intrusion.trace)
    yield drawn
    threading.settrace(None)


@pytest.fixture
def scene(end: End, open_connection: Open, tmp_path: Path) -> Scene:
    """
    Return a connection with a channel and an SFTP session, for `end` to come to.
    """
    connection = open_connection()
    end.client, end.proxy = connection.client, connection.proxy
    end.close = connection.transport.close
    return set_scene(connection, tmp_path)


@pytest.mark.race
@pytest.mark.fault
@pytest.mark.parametrize("name", CALLS)
def test_call_is_told_the_truth_wherever_the_end_comes(
    end: End, scene: Scene, printed: list[str], caplog: pytest.LogCaptureFixture, name: str
) -> None:
    """
    It has done what it was to do, or it raises the reason: a dead proxy, or nothing but our close.

    The line may be one of the caller's or one that the transport thread runs for it. A death is
    logged once, and a close is no news.
    """
    transport = scene.connection.transport
    work, expected = CALLS[name]

    def call() -> Any:
        thread = random.choice([threading.current_thread(), transport])
        end.count(thread, lambda: work(scene))
        return end.disturb(thread, lambda: work(scene))

    attempt = Call(call)
    if end.check(attempt, 2 * RAISES_S + 1) is None:
        value = attempt.result() if expected is not None else None
        closed = not end.dies and name in CLOSED and value == CLOSED[name]
        assert closed or value == expected, f"{end}: {value!r}"
    if end.has_come:
        transport.join(RAISES_S)
        assert not transport.is_active(), str(end)
        assert not transport.is_alive(), str(end)
    news = [record.levelname for record in caplog.records if record.levelno >= logging.WARNING]
    assert news == (["ERROR"] if end.dies and end.has_come else []), str(end)
    assert printed == [], str(end)


@pytest.mark.race
@pytest.mark.fault
def test_connect_is_told_the_truth_wherever_the_end_comes(
    end: End,
    paramiko: ModuleType,
    make_client: Callable[[], Any],
    host: Host,
    proxy_command: str,
    printed: list[str],
) -> None:
    """
    The same of a connect; a client that another thread closes meanwhile says that it was closed.

    Stock's raises `AttributeError` then.
    """

    def connect() -> None:
        end.client.connect(host.address, sock=end.proxy, **login(host))

    def call() -> None:
        for run in (end.count, end.disturb):
            end.client = make_client()
            end.proxy = paramiko.ProxyCommand(proxy_command)
            end.close = end.client.close
            run(threading.current_thread(), connect)

    end.check(Call(call), 3 * CONNECT_LIMIT_S)
    assert printed == [], str(end)


@pytest.mark.race
@pytest.mark.fault
def test_close_raises_nothing_wherever_another_end_comes(
    end: End, open_connection: Open, printed: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    """
    A death in the midst of a close, or a second close, and the thread that ends meanwhile.
    """
    of_transport = random.random() < 0.5
    transport: Any = None

    def call() -> None:
        nonlocal transport
        for run in (end.count, end.disturb):
            connection = open_connection()
            transport = connection.transport
            end.client, end.proxy = connection.client, connection.proxy
            end.close = connection.client.close
            thread = transport if of_transport else threading.current_thread()
            run(thread, connection.client.close)

    assert end.check(Call(call), 3 * CONNECT_LIMIT_S) is None, str(end)
    transport.join(RAISES_S)
    assert not transport.is_alive(), str(end)
    news = [record.levelname for record in caplog.records if record.levelno >= logging.WARNING]
    assert news in ([], ["ERROR"] if end.dies else []), f"{end}: {caplog.text}"
    assert printed == [], str(end)


@pytest.mark.fault
def test_everybody_is_told_when_the_proxy_dies_as_a_channel_is_being_opened(
    scene: Scene, failure: Any, printed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    The transport knows the channel already, and the channel has no transport yet.

    A transport thread that stumbles here leaves the others waiting for ever.
    """
    transport = scene.connection.transport
    put = transport._channels.put

    def put_and_die(*args: Any) -> None:
        put(*args)
        scene.connection.strike()
        transport.join(RAISES_S)

    monkeypatch.setattr(transport._channels, "put", put_and_die)
    reader = Call(scene.channel.recv, 1)
    opener = Call(transport.open_session)
    assert isinstance(opener.error(2 * RAISES_S), failure)
    assert isinstance(reader.error(RAISES_S), failure)
    assert printed == []


#: Requests that wait for an answer, on a channel of their own.
REQUESTS: dict[str, Callable[[Any], object]] = {
    "exec": lambda channel: channel.exec_command("true"),
    "pty": lambda channel: channel.get_pty(),
    "shell": lambda channel: channel.invoke_shell(),
    "subsystem": lambda channel: channel.invoke_subsystem("sftp"),
    "x11": lambda channel: channel.request_x11(),
}


@pytest.mark.fault
@pytest.mark.parametrize("how", ["death", "close", "close-of-channel"])
@pytest.mark.parametrize("request_name", REQUESTS)
def test_request_does_not_wait_when_its_channel_has_just_been_closed(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, how: str, request_name: str
) -> None:
    """
    The channel is woken for the last time, and then the request begins to wait.

    Stock waits for ever, unless the transport has died.
    """
    transport = scene.connection.transport
    channel = transport.open_session()
    begin_to_wait = channel._event_pending

    def end_and_begin_to_wait() -> None:
        if how == "death":
            scene.connection.strike()
            transport.join(RAISES_S)
        elif how == "close":
            transport.close()
        else:
            channel.close()
        begin_to_wait()

    monkeypatch.setattr(channel, "_event_pending", end_and_begin_to_wait)
    error = Call(REQUESTS[request_name], channel).error(RAISES_S)
    expected = ["ProxyCommandFailure"] if how == "death" else ["SSHException", "EOFError"]
    assert type(error).__name__ in expected, repr(error)


def test_close_raises_nothing_as_the_server_opens_a_channel(
    scene: Scene, printed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    The same moment of a channel that the transport thread sets up for a forwarded port.
    """
    transport = scene.connection.transport
    handled: list[Any] = []
    port = transport.request_port_forward(
        "127.0.0.1", 0, handler=lambda channel, *_: handled.append(channel)
    )
    put = transport._channels.put
    closed: list[Call] = []

    def put_and_close(*args: Any) -> None:
        put(*args)
        closed.append(Call(transport.close))
        closed[0].blocks()

    scene.channel.sendall(b"x")
    assert scene.channel.recv(1) == b"x"
    command = f"bash -c 'exec 3<>/dev/tcp/127.0.0.1/{port}; sleep 5'"
    scene.connection.run(command)
    wait_until(lambda: handled, RAISES_S, "the first channel")
    scene.connection.run(command + " & sleep 0.3; " + command)
    monkeypatch.setattr(transport._channels, "put", put_and_close)
    wait_until(lambda: closed, 2 * RAISES_S, "the second channel")
    assert closed[0].error(2 * RAISES_S) is None
    assert printed == []
    transport.join(RAISES_S)
    assert not transport.is_alive()
    assert all(channel.closed for channel in handled)
