"""
Time limits: they bound the whole wait, whatever somebody does to the clock.
"""

from __future__ import annotations

import shlex
import socket
import sys
import time
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from session.connection import raised
from session.valve import Valve
from waiting import Call

LIMIT_S = 1.0

#: What a limit of `LIMIT_S` may take on a busy machine, with the tenths of a second in which some
#: of the waits look at the clock.
HONOURED_S = LIMIT_S + 1.5

#: Greets one byte at a time, for ever, and never gets to the end of a line.
TRICKLES = """
import os, time
while True:
    os.write(1, b"S")
    time.sleep(0.3)
"""

#: Says a line at a time, for ever, and none is a greeting.
CHATTERS = TRICKLES.replace('b"S"', 'b"Please hold the line.\\r\\n"')

#: Refuses in words, as a server does that has too many clients.
REFUSES = """
print("Not allowed at this time\\r\\nTry again tomorrow\\r", flush=True)
raise SystemExit(3)
"""

#: Greets, and never says another word.
GREETS = """
import sys
print("SSH-2.0-silence\\r", flush=True)
sys.stdin.read()
"""


def program(source: str) -> str:
    """
    Return the proxy command that runs a program.
    """
    return shlex.join([sys.executable, "-c", source])


@pytest.fixture(params=[-3600.0, 3600.0], ids=["backwards", "forwards"])
def step_clock(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """
    Return a function after which the wall clock jumps by an hour each time it is looked at.
    """
    real, hour = time.time, float(request.param)
    looks = iter(range(1, 1_000_000))

    def step() -> None:
        monkeypatch.setattr(time, "time", lambda: real() + next(looks) * hour)

    yield step
    monkeypatch.undo()


def assert_honoured(call: Callable[[], Any], kind: type[BaseException]) -> None:
    """
    Check that a call raises at the end of `LIMIT_S`, and neither sooner nor never.
    """
    started = time.monotonic()
    error = Call(call).error(HONOURED_S)
    assert time.monotonic() - started > LIMIT_S * 0.9, repr(error)
    assert isinstance(error, kind), repr(error)


@pytest.mark.fault
def test_limits_of_a_channel_hold_when_the_clock_is_set(
    connect_through_valve: Callable[..., Any], valve: Valve, step_clock: Callable[[], None]
) -> None:
    """
    Reading, and sending into a full window.
    """
    channel = connect_through_valve().get_transport().open_session()
    channel.exec_command("sleep 50")
    channel.settimeout(LIMIT_S)
    valve.to_server.clear()
    while channel.out_window_size > 0:
        channel.send(b"x" * min(32768, channel.out_window_size))
    step_clock()
    assert_honoured(lambda: channel.recv(1), socket.timeout)
    assert_honoured(lambda: channel.send(b"x"), socket.timeout)


@pytest.mark.fault
def test_limit_of_opening_a_channel_holds_when_the_clock_is_set(
    paramiko: ModuleType,
    connect_through_valve: Callable[..., Any],
    valve: Valve,
    step_clock: Callable[[], None],
) -> None:
    """
    The server never answers.
    """
    transport = connect_through_valve().get_transport()
    valve.to_server.clear()
    step_clock()
    assert_honoured(lambda: transport.open_session(timeout=LIMIT_S), paramiko.SSHException)


@pytest.mark.fault
def test_limit_of_authentication_holds_when_the_clock_is_set(
    paramiko: ModuleType, valve: Valve, step_clock: Callable[[], None]
) -> None:
    """
    The server takes the password and says nothing.
    """
    transport = paramiko.Transport(socket.create_connection(("127.0.0.1", valve.port)))
    try:
        transport.start_client(timeout=10)
        transport.auth_timeout = LIMIT_S
        valve.to_server.clear()
        step_clock()
        assert_honoured(
            lambda: transport.auth_password("nobody", "secret"), paramiko.AuthenticationException
        )
    finally:
        transport.close()


@pytest.mark.fault
def test_limit_of_a_silent_banner_holds_when_the_clock_is_set(
    paramiko: ModuleType, connect: Callable[..., Any], step_clock: Callable[[], None]
) -> None:
    """
    The proxy is connected to nothing that speaks.
    """
    step_clock()
    assert_honoured(
        lambda: connect("sleep 50", banner_timeout=LIMIT_S, timeout=20), paramiko.SSHException
    )


@pytest.mark.fault
@pytest.mark.parametrize("source", [TRICKLES, CHATTERS], ids=["trickle", "chatter"])
def test_banner_timeout_is_for_the_whole_banner(
    paramiko: ModuleType, connect: Callable[..., Any], source: str
) -> None:
    """
    There is always something new, and it never becomes a greeting.
    """
    assert_honoured(
        lambda: connect(program(source), banner_timeout=LIMIT_S, timeout=20),
        paramiko.SSHException,
    )


@pytest.mark.fault
def test_error_tells_what_the_server_said_before_it_hung_up(
    connect: Callable[..., Any], failure: Any
) -> None:
    """
    The words come from the proxy's output, where a greeting should be, and not from stderr.
    """
    error = raised(Call(connect, program(REFUSES)), 10)
    assert isinstance(error, failure)
    assert str(error).endswith(
        'exited with status 3; server said: "Not allowed at this time | Try again tomorrow"'
    )
    assert error.returncode == 3


@pytest.mark.fault
def test_error_tells_what_the_server_said_until_the_limit(
    paramiko: ModuleType, connect: Callable[..., Any]
) -> None:
    """
    Whoever looks at the log sees that there was somebody, and that it was no SSH server.
    """
    error = raised(Call(lambda: connect(program(CHATTERS), banner_timeout=LIMIT_S)), HONOURED_S)
    assert isinstance(error, paramiko.SSHException)
    assert 'server said: "Please hold the line.' in str(error)


@pytest.mark.fault
def test_handshake_limit_is_told_when_the_server_falls_silent_after_its_banner(
    paramiko: ModuleType, failure: Any
) -> None:
    """
    Upstream ends this with an EOFError without a word in it.
    """
    transport = paramiko.Transport(paramiko.ProxyCommand(program(GREETS)))
    transport.handshake_timeout = LIMIT_S
    try:
        started = time.monotonic()
        error = raised(Call(transport.start_client), HONOURED_S)
        assert time.monotonic() - started > LIMIT_S * 0.9
        assert isinstance(error, failure)
        assert str(error).endswith("is alive, but the key exchange was not done within 1 s")
        assert not transport.is_active()
    finally:
        transport.close()


@pytest.mark.fault
@pytest.mark.parametrize("source", [TRICKLES, GREETS], ids=["before-banner", "after-banner"])
def test_timeout_of_connect_is_told_as_what_it_is(
    connect: Callable[..., Any], failure: Any, source: str
) -> None:
    """
    Upstream says "No existing session", which nobody has asked for.
    """
    started = time.monotonic()
    error = raised(Call(lambda: connect(program(source), timeout=LIMIT_S)), HONOURED_S)
    assert time.monotonic() - started > LIMIT_S * 0.9
    assert isinstance(error, failure)
    assert str(error).endswith("is alive, but the key exchange was not done within 1 s")
