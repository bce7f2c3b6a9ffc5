"""
Fixtures of the session tests: connections whose proxy ends on order, and a check for leaks.
"""

from __future__ import annotations

import contextlib
import shlex
import socket
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

# Test modules import `session.connection` and its like from here.
sys.path.insert(0, str(Path(__file__).parent.parent))

from session.connection import CHATTER_SIZE_BYTES, Connection, close, rescue
from session.valve import LOOPBACK, Valve

from paramiko_gate.faults import (
    DEATHS,
    EXITS_NONZERO,
    EXITS_ZERO,
    KILLED,
    TERMINATED,
    Fault,
    open_relay,
)

if TYPE_CHECKING:
    from paramiko_gate.servers.endpoint import Bastion, Host

#: What every program of `client_source` begins with.
CLIENT_PRELUDE = """
    import os, signal, sys, threading, time, warnings
    # Newer interpreters warn of forking beside threads, which some programs are about.
    warnings.filterwarnings("ignore", ".*fork.*", DeprecationWarning)

    def connect(proxy=None):
        client = paramiko.SSHClient()
        client.load_host_keys({known_hosts!r})
        client.connect(sock=proxy or paramiko.ProxyCommand({command!r}), **{options!r})
        return client

    def wait_gone(pid, limit_s=5):
        deadline = time.monotonic() + limit_s
        while True:
            try:
                with open("/proc/%d/stat" % pid) as stat:
                    if stat.read().rpartition(")")[2].split()[0] == "Z":
                        return  # whether it is reaped is the leak check's
            except OSError:
                return
            assert time.monotonic() < deadline, "the proxy is still there"
            time.sleep(0.01)
"""

#: A step of a connect that a test expects to succeed. Stock's fails late or never.
CONNECT_LIMIT_S = 15.0


def login(host: Host) -> dict[str, Any]:
    """
    Return the arguments of `SSHClient.connect` that log in to the host, in bounded time.
    """
    return {
        "port": host.port,
        "username": host.user,
        "key_filename": str(host.client_key),
        "look_for_keys": False,
        "allow_agent": False,
        "banner_timeout": CONNECT_LIMIT_S,
        "auth_timeout": CONNECT_LIMIT_S,
    }


@pytest.fixture(autouse=True)
def no_leaks(leak_check: Callable[[Callable[[], None]], None]) -> None:
    """
    Put every test of this folder under the leak check.
    """


#: The deaths that the first ring leaves to ``tox -m ci``: they differ from the others in a status.
LATER = (TERMINATED, EXITS_ZERO)


@pytest.fixture(
    params=[
        pytest.param(
            fault,
            id=fault.name,
            marks=[pytest.mark.ci("see `LATER`")] if fault in LATER else [],
        )
        for fault in DEATHS
    ]
)
def fault(request: pytest.FixtureRequest) -> Fault:
    """
    Return each way in which a proxy ends, one after the other.
    """
    chosen: Fault = request.param
    return chosen


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """
    Return what no caller is told: the errors of threads and destructors that would be printed.
    """
    errors: list[str] = []
    monkeypatch.setattr(
        threading, "excepthook", lambda hook: errors.append(f"{hook.thread}: {hook.exc_value!r}")
    )
    monkeypatch.setattr(
        sys, "unraisablehook", lambda hook: errors.append(f"{hook.object}: {hook.exc_value!r}")
    )
    return errors


@pytest.fixture
def failure(paramiko: ModuleType) -> Any:
    """
    Return the exception class that reports the end of a proxy.
    """
    return paramiko.ProxyCommandFailure


@pytest.fixture
def make_client(
    paramiko: ModuleType, host: Host, leak_check: Callable[[Callable[[], None]], None]
) -> Iterator[Callable[[], Any]]:
    """
    Return a function that makes an unconnected client which trusts the host.

    Each is closed after the test, as a program does. What that leaves is the leak check's.
    """
    made: list[Any] = []

    def make() -> Any:
        client = paramiko.SSHClient()
        client.load_host_keys(str(host.known_hosts))
        made.append(client)
        return client

    def rescue_all() -> None:
        for client in made:
            if client.leaked is not None:
                rescue(client.leaked)

    leak_check(rescue_all)
    yield make
    for client in made:
        # A closed client forgets its transport.
        client.leaked = client.get_transport()
        close(client)


@pytest.fixture
def connect(paramiko: ModuleType, host: Host, make_client: Callable[[], Any]) -> Callable[..., Any]:
    """
    Return a function that connects a client to the host over a proxy command.

    Its keyword arguments are those of `SSHClient.connect` and win over the usual ones.
    """

    def connect_one(command: str, client: Any = None, **options: Any) -> Any:
        client = client or make_client()
        sock = paramiko.ProxyCommand(command)
        client.connect(host.address, sock=sock, **{**login(host), **options})
        return client

    return connect_one


@pytest.fixture
def client_source(host: Host, proxy_command: str) -> Callable[[str], str]:
    """
    Return a function that writes a program for `children.run_program` which can connect.

    Its ``connect()`` returns a client that is logged in over the proxy command, and its
    ``wait_gone(pid)`` waits until a process does not run any more.
    """
    prelude = CLIENT_PRELUDE.format(
        command=proxy_command,
        known_hosts=str(host.known_hosts),
        options={
            "hostname": host.address,
            "port": host.port,
            "username": host.user,
            "key_filename": str(host.client_key),
            "look_for_keys": False,
            "allow_agent": False,
        },
    )
    return lambda body: textwrap.dedent(prelude) + textwrap.dedent(body)


@pytest.fixture
def open_connection(
    connect: Callable[..., Any], proxy_command: str, bastion: Bastion, host: Host
) -> Iterator[Callable[..., Connection]]:
    """
    Return a function that opens a connection whose proxy will end by a given fault.
    """
    with contextlib.ExitStack() as relays:

        def open_one(fault: Fault = KILLED, **options: Any) -> Connection:
            if not fault.needs_relay:
                return Connection(connect(proxy_command, **options), fault, None)
            relay = relays.enter_context(
                open_relay(
                    bastion.proxy_arguments(host.address, host.port),
                    CHATTER_SIZE_BYTES if fault is EXITS_NONZERO else 0,
                )
            )
            return Connection(connect(relay.command, **options), fault, relay)

        yield open_one


@pytest.fixture
def valve(host: Host) -> Iterator[Valve]:
    """
    Return a valve in front of the host.
    """
    opened = Valve(host.address, host.port)
    yield opened
    opened.close()


@pytest.fixture(params=["proxied", "plain"])
def connect_through_valve(
    request: pytest.FixtureRequest,
    paramiko: ModuleType,
    make_client: Callable[[], Any],
    valve: Valve,
    bastion: Bastion,
    host: Host,
) -> Callable[..., Any]:
    """
    Return a function that connects a client through the valve, with and without a proxy command.
    """

    def connect_one(**options: Any) -> Any:
        client = make_client()
        client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
        if request.param == "plain":
            sock: Any = socket.create_connection((LOOPBACK, valve.port))
        else:
            sock = paramiko.ProxyCommand(shlex.join(bastion.proxy_arguments(LOOPBACK, valve.port)))
        client.connect(host.address, sock=sock, **{**login(host), **options})
        return client

    return connect_one
