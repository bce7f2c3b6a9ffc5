"""
A connect that fails: before authentication it leaves nothing open, and after it all is usable.
"""

from __future__ import annotations

import errno
import signal
import socket
from collections.abc import Callable
from types import ModuleType
from typing import Any

import children
import pytest
from session.connection import RAISES_S, raised
from waiting import Call, wait_ended, wait_reaped

from paramiko_gate.servers.endpoint import Host

#: Answers with something that is no SSH server's, and then is silent.
GARBAGE = children.sh("echo hello; exec sleep 60")


class Refusal(Exception):
    """
    What a program's own part of a connect raises.
    """


class Refusing:
    """
    A policy that has an opinion on unknown host keys.
    """

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def missing_host_key(self, client: Any, hostname: str, key: Any) -> None:
        raise self.error


class Attempt:
    """
    One connect of a client through a proxy of its own.

    :param Call call: the connect, under way
    """

    def __init__(self, client: Any, proxy: Any, call: Call) -> None:
        self.client = client
        self.proxy = proxy
        self.pid: int = proxy.process.pid
        self.call = call

    def assert_nothing_left(self) -> None:
        """
        Check that thread and process end although client and proxy are still referred to.
        """
        transport = self.client.get_transport()
        assert not transport.is_active()
        assert not transport.is_alive()
        wait_reaped(self.pid)
        assert self.proxy.closed


@pytest.fixture
def attempt(paramiko: ModuleType, host: Host, make_client: Callable[[], Any]) -> Any:
    """
    Return a function that begins to connect through a proxy command.

    Its keyword arguments are those of `SSHClient.connect` and win over the usual ones.
    """

    def begin(command: str, client: Any = None, **options: Any) -> Attempt:
        client = client or make_client()
        proxy = paramiko.ProxyCommand(command)
        usual = {
            "port": host.port,
            "username": host.user,
            "key_filename": str(host.client_key),
            "look_for_keys": False,
            "allow_agent": False,
        }
        connect = Call(
            lambda: client.connect(host.address, sock=proxy, **{**usual, **options}),
        )
        return Attempt(client, proxy, connect)

    return begin


def stranger(paramiko: ModuleType, make_client: Callable[[], Any]) -> Any:
    """
    Return a client that knows no host.
    """
    client = make_client()
    client.get_host_keys().clear()
    return client


FAILURES: dict[str, tuple[str, dict[str, Any], str]] = {
    "no-banner": (children.STALLED, {"banner_timeout": 0.3}, "banner"),
    "garbage-for-a-banner": (GARBAGE, {"banner_timeout": 0.3}, "banner"),
    "time-limit": (
        children.STALLED,
        {"timeout": 0.3},
        "the key exchange was not done within 0.3 s",
    ),
}


@pytest.mark.fault
@pytest.mark.parametrize("name", FAILURES)
def test_failed_connect_closes_transport_and_proxy(
    paramiko: ModuleType, attempt: Callable[..., Attempt], name: str
) -> None:
    """
    Without an answer in time the error is upstream's, and thread and process are gone.

    Reproduces paramiko#1127.
    """
    command, options, words = FAILURES[name]
    begun = attempt(command, **options)

    error = raised(begun.call, 5)

    assert isinstance(error, paramiko.SSHException)
    assert words in str(error)
    begun.assert_nothing_left()


def test_failed_key_exchange_closes_transport_and_proxy(
    paramiko: ModuleType, attempt: Callable[..., Attempt], proxy_command: str
) -> None:
    """
    Two sides that agree on nothing part at once.
    """
    every = {"ciphers": list(paramiko.Transport._preferred_ciphers)}
    begun = attempt(proxy_command, disabled_algorithms=every)

    error = raised(begun.call, 5)

    assert isinstance(error, paramiko.SSHException)
    assert not isinstance(error, paramiko.ProxyCommandFailure)
    begun.assert_nothing_left()


def test_unknown_host_key_closes_transport_and_proxy(
    paramiko: ModuleType,
    attempt: Callable[..., Attempt],
    make_client: Callable[[], Any],
    proxy_command: str,
) -> None:
    """
    A host that is not known is left at once.
    """
    begun = attempt(proxy_command, stranger(paramiko, make_client))

    error = raised(begun.call, 5)

    assert "not found in known_hosts" in str(error)
    begun.assert_nothing_left()


def test_wrong_host_key_closes_transport_and_proxy(
    paramiko: ModuleType,
    attempt: Callable[..., Attempt],
    make_client: Callable[[], Any],
    proxy_command: str,
    host: Host,
) -> None:
    """
    A host with another key than the known one is left at once.
    """
    client = stranger(paramiko, make_client)
    other = paramiko.ECDSAKey.generate()
    client.get_host_keys().add(f"[{host.address}]:{host.port}", other.get_name(), other)
    begun = attempt(proxy_command, client)

    assert isinstance(raised(begun.call, 5), paramiko.BadHostKeyException)

    begun.assert_nothing_left()


@pytest.mark.parametrize("error", [Refusal(), KeyboardInterrupt()], ids=["error", "interrupt"])
def test_whatever_a_policy_raises_closes_transport_and_proxy(
    paramiko: ModuleType,
    attempt: Callable[..., Attempt],
    make_client: Callable[[], Any],
    proxy_command: str,
    error: BaseException,
) -> None:
    """
    What ends the connect is raised as it is, after the close.
    """
    client = stranger(paramiko, make_client)
    client.set_missing_host_key_policy(Refusing(error))
    begun = attempt(proxy_command, client)

    assert raised(begun.call, 5) is error

    begun.assert_nothing_left()


def test_factory_that_fails_closes_proxy(attempt: Callable[..., Attempt]) -> None:
    """
    A connect that did not get as far as a transport ends the proxy all the same.
    """

    def refuse(sock: Any, **options: Any) -> Any:
        raise Refusal

    begun = attempt(children.STALLED, transport_factory=refuse)

    assert isinstance(raised(begun.call, 5), Refusal)

    wait_reaped(begun.pid)
    assert begun.client.get_transport() is None


def test_failed_second_connect_spares_the_first(
    paramiko: ModuleType,
    attempt: Callable[..., Attempt],
    make_client: Callable[[], Any],
    proxy_command: str,
) -> None:
    """
    What must not change: a client that fails to connect again leaves its old transport running.
    """
    first = attempt(proxy_command)
    first.call.result(10)
    transport = first.client.get_transport()

    second = attempt(children.STALLED, first.client, banner_timeout=0.3)
    raised(second.call, 5)

    assert transport.is_active()
    assert Call(transport.open_session).result(5).active
    Call(transport.close).result(5)


def test_client_connects_after_a_failed_connect(
    attempt: Callable[..., Attempt], proxy_command: str
) -> None:
    """
    What must not change: the same client can be used for the next attempt.
    """
    failed = attempt(children.STALLED, banner_timeout=0.3)
    raised(failed.call, 5)

    again = attempt(proxy_command, failed.client)
    again.call.result(10)

    _, stdout, _ = again.client.exec_command("echo hello")
    assert stdout.read() == b"hello\n"


def test_transport_authenticates_after_a_refused_key(
    paramiko: ModuleType, attempt: Callable[..., Attempt], proxy_command: str, host: Host
) -> None:
    """
    What must not change: after a refusal another method may be tried on the same transport.
    """
    begun = attempt(proxy_command, key_filename=None, pkey=paramiko.ECDSAKey.generate())
    assert isinstance(raised(begun.call, 10), paramiko.AuthenticationException)

    transport = begun.client.get_transport()
    assert transport.is_active()
    right = paramiko.Ed25519Key(filename=str(host.client_key))
    Call(transport.auth_publickey, host.user, right).result(5)

    _, stdout, _ = begun.client.exec_command("echo hello")
    assert stdout.read() == b"hello\n"


def test_transport_authenticates_after_a_connect_without_any_method(
    paramiko: ModuleType, attempt: Callable[..., Attempt], proxy_command: str, host: Host
) -> None:
    """
    What must not change: programs connect with nothing and then authenticate by themselves.
    """
    begun = attempt(proxy_command, key_filename=None)
    assert "No authentication methods" in str(raised(begun.call, 10))

    transport = begun.client.get_transport()
    right = paramiko.Ed25519Key(filename=str(host.client_key))
    Call(transport.auth_publickey, host.user, right).result(5)

    assert transport.is_authenticated()


@pytest.mark.needs_api("auth-strategy")
def test_transport_authenticates_after_a_strategy_that_failed(
    paramiko: ModuleType, attempt: Callable[..., Attempt], proxy_command: str, host: Host
) -> None:
    """
    What must not change: a strategy is authentication as well.
    """
    strategies = __import__(f"{paramiko.__name__}.auth_strategy", fromlist=["auth_strategy"])

    class Strategy(strategies.AuthStrategy):  # type: ignore[misc, name-defined]
        def get_sources(self) -> Any:
            yield strategies.InMemoryPrivateKey(host.user, paramiko.ECDSAKey.generate())

    strategy = Strategy(ssh_config=paramiko.SSHConfig())
    begun = attempt(
        proxy_command,
        key_filename=None,
        auth_strategy=strategy,
        transport_factory=paramiko.ServiceRequestingTransport,
    )
    assert isinstance(raised(begun.call, 10), paramiko.AuthenticationException)

    transport = begun.client.get_transport()
    assert transport.is_active()
    right = paramiko.Ed25519Key(filename=str(host.client_key))
    Call(transport.auth_publickey, host.user, right).result(5)
    assert transport.is_authenticated()


def test_plain_socket_stays_open_after_an_unknown_host_key(
    paramiko: ModuleType, make_client: Callable[[], Any], host: Host
) -> None:
    """
    What must not change: without a proxy command a failed connect closes nothing.
    """
    client = stranger(paramiko, make_client)

    call = Call(lambda: client.connect(host.address, port=host.port, username=host.user))

    assert "not found in known_hosts" in str(raised(call, 10))
    assert client.get_transport().is_active()


@pytest.mark.fault
def test_connect_fails_at_once_when_proxy_is_dead(
    attempt: Callable[..., Attempt], paramiko: ModuleType, make_client: Callable[[], Any]
) -> None:
    """
    A proxy that has died before the connect is told as the reason, with its last words.
    """
    client = make_client()
    proxy = paramiko.ProxyCommand(children.exits(3, "", "words"))
    wait_ended(proxy.process.pid)

    call = Call(lambda: client.connect("nowhere.invalid", sock=proxy, username="a"))
    error = raised(call, RAISES_S)

    assert type(error).__name__ == "ProxyCommandFailure"
    assert str(error).endswith("exited with status 3: words")
    Attempt(client, proxy, call).assert_nothing_left()


@pytest.mark.fault
def test_connect_fails_at_once_when_proxy_was_killed(
    paramiko: ModuleType, make_client: Callable[[], Any], proxy_command: str
) -> None:
    """
    A real proxy that was killed before the connect says so.
    """
    client = make_client()
    proxy = paramiko.ProxyCommand(proxy_command)
    proxy.process.send_signal(signal.SIGKILL)
    wait_ended(proxy.process.pid)

    call = Call(lambda: client.connect("nowhere.invalid", sock=proxy, username="a"))
    error = raised(call, RAISES_S)

    assert type(error).__name__ == "ProxyCommandFailure"
    assert "SIGKILL" in str(error)


def test_connect_refuses_closed_proxy_as_it_refuses_a_closed_socket(
    paramiko: ModuleType, make_client: Callable[[], Any]
) -> None:
    """
    A proxy that the program has closed is as good as a closed socket, and no transport is made.
    """
    closed = socket.socket()
    closed.close()
    proxy = paramiko.ProxyCommand(children.RELAY)
    Call(proxy.close).result(5)
    errors = []
    for sock in (closed, proxy):
        client = make_client()
        call = Call(lambda c=client, s=sock: c.connect("nowhere.invalid", sock=s))
        errors.append(raised(call, RAISES_S))
        assert client.get_transport() is None

    assert [type(error) for error in errors] == [OSError, OSError]
    assert [error.errno for error in errors] == [errno.EBADF] * 2  # type: ignore[attr-defined]


def test_connect_tells_of_wrong_arguments_as_ever(
    paramiko: ModuleType, make_client: Callable[[], Any]
) -> None:
    """
    What must not change: a misspelt argument is a `TypeError` that names it.
    """
    with pytest.raises(TypeError, match="user_name"):
        make_client().connect("nowhere.invalid", user_name="a")
