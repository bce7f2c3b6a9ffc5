"""
Who makes the key pairs of a key exchange: a thread that ends, for an idle one keeps what they cost.
"""

from __future__ import annotations

import importlib
import shlex
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType, ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from session.conftest import login
from session.connection import Connection

from paramiko_gate.servers.embedded import run_site

if TYPE_CHECKING:
    from paramiko_gate.servers.endpoint import Host

Open = Callable[..., Connection]

#: The methods with a key pair that every line has, and every server.
METHODS = ["curve25519-sha256@libssh.org", "ecdh-sha2-nistp256", "ecdh-sha2-nistp521"]

#: What a library calls to have a pair made. Which of these are written in Python is up to the
#: release of cryptography.
GENERATORS = {"generate", "generate_private_key"}

#: What the system says when a process may have no more threads, or no more at its exit.
NO_THREAD = "can't start new thread"


@pytest.fixture
def makers(paramiko: ModuleType) -> Iterator[list[threading.Thread]]:
    """
    Return a list of the threads that make key pairs, in the order in which they do.

    It knows those that start during the test.
    """
    seen: list[threading.Thread] = []

    def note(frame: FrameType, event: str, called: Any) -> None:
        if event == "call":
            name, caller = frame.f_code.co_name, frame.f_back
        elif event == "c_call":
            name, caller = called.__name__, frame
        else:
            return
        # Not what cryptography calls for its own part.
        module = caller.f_globals.get("__name__", "") if caller else ""
        if name in GENERATORS and module.startswith(f"{paramiko.__name__}."):
            seen.append(threading.current_thread())

    threading.setprofile(note)
    yield seen
    threading.setprofile(None)


def exchange_keys(transport: Any, method: str) -> None:
    """
    Agree with the server on new keys by the method.
    """
    transport.get_security_options().kex = [method]
    transport.renegotiate_keys()


@pytest.mark.parametrize("method", METHODS)
def test_transport_thread_makes_no_key_pair(
    makers: list[threading.Thread], open_connection: Open, method: str
) -> None:
    """
    It is made on a thread that is gone by the time the key exchange is over.
    """
    connection = open_connection()
    exchange_keys(connection.transport, method)
    assert len(makers) == 2
    assert connection.transport not in makers
    assert not any(maker.is_alive() for maker in makers)
    assert all(maker.name.startswith(connection.transport.name) for maker in makers)
    assert connection.run().recv(2) == b"ab"


@pytest.mark.needs_api("hybrid-key-exchange")
def test_transport_thread_makes_no_post_quantum_key_pair(
    makers: list[threading.Thread],
    paramiko: ModuleType,
    make_client: Callable[[], Any],
    tmp_path: Path,
) -> None:
    """
    Nor the classical one beside it. OpenSSH has this method since 9.9, the embedded server always.
    """
    with run_site(tmp_path) as site:
        host, bastion = site.host, site.bastion
        client = make_client()
        client.load_host_keys(str(host.known_hosts))
        command = shlex.join(bastion.proxy_arguments(host.address, host.port))
        client.connect(host.address, sock=paramiko.ProxyCommand(command), **login(host))
        assert len(makers) == 2
        assert client.get_transport() not in makers
        assert not any(maker.is_alive() for maker in makers)
        client.close()


@pytest.mark.parametrize("method", METHODS)
def test_plain_connection_makes_its_own(
    makers: list[threading.Thread], make_client: Callable[[], Any], host: Host, method: str
) -> None:
    """
    What must not change: without a proxy command it is done where upstream does it.
    """
    client = make_client()
    client.connect(host.address, **login(host))
    exchange_keys(client.get_transport(), method)
    assert makers == [client.get_transport()] * 2


@pytest.mark.parametrize("method", METHODS)
def test_process_that_may_have_no_more_threads_can_exchange_keys(
    open_connection: Open, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    """
    The transport thread makes the pair itself, then.
    """
    connection = open_connection()
    refused: list[str] = []

    def refuse(thread: threading.Thread) -> None:
        refused.append(thread.name)
        raise RuntimeError(NO_THREAD)

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        exchange_keys(connection.transport, method)
    assert len(refused) == 1
    assert connection.run().recv(2) == b"ab"


def test_failure_to_make_one_is_that_of_the_caller(
    paramiko: ModuleType, open_connection: Open, printed: list[str]
) -> None:
    """
    The transport thread ends the connection with it, as it does if it makes the pair itself.
    """
    make = importlib.import_module(paramiko.__name__ + "._key_pairs").make_key_pair
    engine = SimpleNamespace(transport=open_connection().transport)

    def fail(why: str) -> None:
        raise ValueError(why)

    with pytest.raises(ValueError, match="no such curve"):
        make(engine, fail, "no such curve")
    assert not printed
