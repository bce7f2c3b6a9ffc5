"""
Threads of the library when the connection ends: they end as well, and print nothing.
"""

from __future__ import annotations

import contextlib
import gc
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest
from session.conftest import login
from session.connection import RAISES_S, Connection, raised
from waiting import Call, wait_until

from paramiko_gate.faults import Fault

if TYPE_CHECKING:
    from paramiko_gate.servers.endpoint import Host

Open = Callable[..., Connection]

#: What one request of a prefetch asks for.
REQUEST_BYTES = 32768

#: More requests than fit into a pipe, so that the thread which sends them blocks.
MANY_REQUESTS = 20_000

#: Opens the agent that is forwarded to it, says so, and keeps it open.
HOLDS_AGENT = (
    "exec python3 -c '"
    "import os, socket, sys; "
    "agent = socket.socket(socket.AF_UNIX); "
    'agent.connect(os.environ["SSH_AUTH_SOCK"]); '
    'print("ab", end="", flush=True); '
    "sys.stdin.read()'"
)


def started_by(call: Callable[[], Any]) -> threading.Thread:
    """
    Return the one thread that a call has started and left running.
    """
    before = set(threading.enumerate())
    call()
    (thread,) = set(threading.enumerate()) - before
    return thread


def agent_threads() -> list[threading.Thread]:
    """
    Return the running threads that serve a forwarded agent.
    """
    return [x for x in threading.enumerate() if type(x).__name__ == "AgentRemoteProxy"]


def assert_ends(thread: threading.Thread) -> None:
    """
    Check that a thread ends in time.
    """
    thread.join(RAISES_S)
    assert not thread.is_alive()


@pytest.fixture
def agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """
    Run a real agent for this program, without keys.
    """
    with contextlib.ExitStack() as ending:
        address = tmp_path / "agent"
        running = ending.enter_context(
            subprocess.Popen(
                ["ssh-agent", "-D", "-a", str(address)],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        )
        ending.callback(running.terminate)
        wait_until(address.exists, 10, "the agent's socket")
        monkeypatch.setenv("SSH_AUTH_SOCK", str(address))
        yield


@pytest.mark.fault
@pytest.mark.needs_api("limited-prefetch")
@pytest.mark.parametrize("limit", [None, 1], ids=["", "limited"])
def test_prefetch_needs_no_thread(
    open_connection: Open, tmp_path: Path, fault: Fault, printed: list[str], limit: int | None
) -> None:
    """
    However much is asked for: none is left when the connection ends, and nothing is printed.
    """
    (tmp_path / "file").touch()
    connection = open_connection(fault)
    file = connection.client.open_sftp().open(str(tmp_path / "file"))
    connection.stall()
    before = set(threading.enumerate())
    file.prefetch(MANY_REQUESTS * REQUEST_BYTES, limit)
    assert set(threading.enumerate()) == before
    reading = Call(file.read)
    assert reading.blocks()

    connection.strike()

    connection.assert_reason(raised(reading, RAISES_S))
    assert printed == []


@pytest.mark.fault
def test_prefetch_prints_nothing_when_a_plain_connection_is_lost(
    make_client: Callable[[], Any], host: Host, tmp_path: Path, printed: list[str]
) -> None:
    """
    The user of the file is told in upstream's words.
    """
    (tmp_path / "file").touch()
    client = make_client()
    client.connect(host.address, **login(host))
    file = client.open_sftp().open(str(tmp_path / "file"))
    file.prefetch(MANY_REQUESTS * REQUEST_BYTES)
    client.get_transport().sock.shutdown(socket.SHUT_RDWR)

    # EOFError if the call meets the end before the transport thread does.
    assert isinstance(raised(Call(file.stat), RAISES_S), (OSError, EOFError))
    assert printed == []


@pytest.mark.fault
def test_agent_thread_ends_quietly_when_proxy_ends(
    open_connection: Open, paramiko: ModuleType, agent: None, fault: Fault, printed: list[str]
) -> None:
    """
    A forwarded agent's thread closes both its ends; its descriptors are the leak check's.
    """
    connection = open_connection(fault)
    channel = connection.transport.open_session()
    handler = paramiko.agent.AgentRequestHandler(channel)
    channel.exec_command(HOLDS_AGENT)
    assert channel.recv(2) == b"ab"
    wait_until(agent_threads, 10, "the agent's thread")
    (thread,) = agent_threads()

    connection.strike_and_wait()

    assert_ends(thread)
    handler.close()
    assert printed == []


@pytest.mark.fault
def test_agent_thread_ends_quietly_when_a_plain_connection_is_lost(
    paramiko: ModuleType,
    make_client: Callable[[], Any],
    host: Host,
    agent: None,
    printed: list[str],
) -> None:
    """
    What must not change without a proxy command, where the end is an empty read.
    """
    client = make_client()
    client.connect(host.address, **login(host))
    channel = client.get_transport().open_session()
    handler = paramiko.agent.AgentRequestHandler(channel)
    channel.exec_command(HOLDS_AGENT)
    assert channel.recv(2) == b"ab"
    wait_until(agent_threads, 10, "the agent's thread")
    (thread,) = agent_threads()

    client.get_transport().sock.shutdown(socket.SHUT_RDWR)

    assert_ends(thread)
    handler.close()
    assert printed == []


@pytest.mark.fault
def test_request_for_agent_prints_nothing_when_proxy_has_ended(
    open_connection: Open, paramiko: ModuleType, fault: Fault, printed: list[str]
) -> None:
    """
    The caller is told; the handler that could not be made has nothing to close.
    """
    connection = open_connection(fault)
    channel = connection.transport.open_session()
    connection.strike_and_wait()

    call = Call(paramiko.agent.AgentRequestHandler, channel)
    connection.assert_reason(raised(call, RAISES_S))
    del call
    gc.collect()
    assert printed == []
