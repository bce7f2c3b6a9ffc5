"""
Connecting through a proxy that refuses, is missing, or dies on the way: why, and at once.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from session.connection import RAISES_S, Connection, raised, rescue
from waiting import Call, timed, wait_until

from paramiko_gate.faults import KILLED
from paramiko_gate.servers.endpoint import Bastion, Host

#: Relays so many bytes of the server's words, then says one of its own, and exits with status 9.
CUTTING_RELAY = """
import os, subprocess, sys, threading
left = int(sys.argv[1])
child = subprocess.Popen(sys.argv[2:], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
def take():
    try:
        while data := os.read(0, 65536):
            child.stdin.write(data)
    except OSError:
        pass
threading.Thread(target=take, daemon=True).start()
while left > 0:
    data = os.read(child.stdout.fileno(), left)
    if not data:
        break
    os.write(1, data)
    left -= len(data)
child.kill()
child.wait()
os.write(2, b"cut off\\n")
os._exit(9)
"""

#: After how many bytes of the server's side the connection is cut. A banner has some 40, a KEXINIT
#: some 1,000, the whole key exchange less than 3,000.
CUTS = {
    "before-the-banner": 0,
    "in-the-banner": 10,
    "in-key-exchange": 300,
    "after-key-exchange-began": 1400,
}


def cut_command(bastion: Bastion, host: Host, size_bytes: int) -> str:
    """
    Return a proxy command that relays only so many bytes from the server.
    """
    words = [sys.executable, "-c", CUTTING_RELAY, str(size_bytes)]
    return shlex.join([*words, *bastion.proxy_arguments(host.address, host.port)])


@pytest.mark.fault
def test_connect_says_what_bastion_said_when_it_refuses(
    connect: Callable[..., Any], refused_proxy_command: str
) -> None:
    """
    The bastion's own words are in the error, long before any time limit of the banner.

    Reproduces paramiko#1495.
    """
    error = raised(Call(connect, refused_proxy_command), 5)

    assert type(error).__name__ == "ProxyCommandFailure"
    assert "exited with status 255" in str(error)
    assert "Permission denied" in str(error)
    assert error.returncode == 255  # type: ignore[attr-defined]
    assert b"Permission denied" in error.stderr  # type: ignore[attr-defined]


@pytest.mark.fault
def test_connect_says_what_shell_said_when_program_is_missing(
    connect: Callable[..., Any],
) -> None:
    """
    The words of a shell that does not find the program are in the error.
    """
    error = raised(Call(connect, "sh -c 'exec no-such-program-anywhere'"), RAISES_S)

    assert type(error).__name__ == "ProxyCommandFailure"
    assert "exited with status 127" in str(error)
    assert "not found" in str(error)


@pytest.mark.fault
@pytest.mark.parametrize("cut", CUTS)
def test_connect_raises_reason_at_once_when_proxy_dies_on_the_way(
    connect: Callable[..., Any], bastion: Bastion, host: Host, cut: str
) -> None:
    """
    Wherever in the handshake the proxy ends, connect raises its status and its words.

    Reproduces paramiko#1277.
    """
    command = cut_command(bastion, host, CUTS[cut])

    error = raised(Call(connect, command), 5)

    assert type(error).__name__ == "ProxyCommandFailure"
    assert str(error).endswith("exited with status 9: cut off")


@pytest.mark.fault
@pytest.mark.parametrize("method", ["publickey", "password", "interactive", "none"])
def test_authentication_raises_reason_when_proxy_is_killed(
    paramiko: ModuleType, open_unauthenticated: Callable[[], Connection], host: Host, method: str
) -> None:
    """
    Each kind of authentication that waits for the server raises why the proxy ended.
    """
    connection = open_unauthenticated()
    transport = connection.transport
    key = paramiko.Ed25519Key(filename=str(host.client_key))
    calls: dict[str, Callable[[], Any]] = {
        "publickey": lambda: transport.auth_publickey(host.user, key),
        "password": lambda: transport.auth_password(host.user, "wrong"),
        "interactive": lambda: transport.auth_interactive(host.user, lambda *_: []),
        "none": lambda: transport.auth_none(host.user),
    }
    connection.stall()

    (error,) = connection.strike_during(calls[method])

    connection.assert_reason(error)
    connection.assert_ended()
    connection.assert_reason(raised(Call(calls[method]), RAISES_S))


@pytest.mark.fault
@pytest.mark.needs_api("service-request")
def test_service_request_raises_reason_when_proxy_is_killed(
    paramiko: ModuleType, open_unauthenticated: Callable[..., Connection], host: Host
) -> None:
    """
    The transport that asks for the service first does not wait for ever for the answer.
    """
    factory = paramiko.ServiceRequestingTransport
    connection = open_unauthenticated(factory)
    connection.stall()

    (error,) = connection.strike_during(
        lambda: connection.transport.auth_password(host.user, "wrong")
    )

    connection.assert_reason(error)


@pytest.mark.fault
def test_key_loop_stops_at_the_first_failure(
    paramiko: ModuleType,
    make_client: Callable[[], Any],
    proxy_command: str,
    host: Host,
    tmp_path: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """
    Once the proxy is dead no further key is tried; the error is the reason, not a refusal.
    """
    client = make_client()
    names = []
    for number in range(3):
        name = tmp_path / f"key{number}"
        paramiko.ECDSAKey.generate().write_private_key_file(str(name))
        names.append(str(name))
    caplog.set_level("DEBUG")
    proxy = paramiko.ProxyCommand(proxy_command)
    tried: list[str] = []
    transport_class = paramiko.Transport

    class Dying(transport_class):  # type: ignore[misc, valid-type]
        """
        Loses its proxy when it tries the first key.
        """

        def auth_publickey(self, username: str, key: Any, event: Any = None) -> Any:
            tried.append(username)
            self.sock.process.kill()
            return super().auth_publickey(username, key, event)

    call = Call(
        lambda: client.connect(
            host.address,
            port=host.port,
            username=host.user,
            key_filename=names,
            look_for_keys=False,
            allow_agent=False,
            sock=proxy,
            transport_factory=Dying,
        )
    )

    error = raised(call, 5)

    assert type(error).__name__ == "ProxyCommandFailure"
    assert "SIGKILL" in str(error)
    assert len(tried) == 1


@pytest.mark.fault
@pytest.mark.needs_api("auth-strategy")
def test_auth_strategy_stops_at_the_first_failure(
    paramiko: ModuleType, open_unauthenticated: Callable[..., Connection], host: Host
) -> None:
    """
    A strategy asks no further source, and raises the reason instead of a list of refusals.
    """
    strategies = __import__(f"{paramiko.__name__}.auth_strategy", fromlist=["auth_strategy"])
    asked: list[int] = []
    connection = open_unauthenticated(paramiko.ServiceRequestingTransport)

    class Source(strategies.AuthSource):  # type: ignore[misc, name-defined]
        def authenticate(self, transport: Any) -> Any:
            asked.append(1)
            connection.strike()
            return transport.auth_password(host.user, "wrong")

    class Strategy(strategies.AuthStrategy):  # type: ignore[misc, name-defined]
        def get_sources(self) -> Any:
            yield Source(host.user)
            yield Source(host.user)

    strategy = Strategy(ssh_config=paramiko.SSHConfig())

    error = raised(Call(strategy.authenticate, connection.transport), 5)

    connection.assert_reason(error)
    assert len(asked) == 1


@pytest.mark.needs_api("auth-strategy")
@pytest.mark.parametrize("transport", [None, object()], ids=["none", "stand-in"])
def test_auth_strategy_fails_as_before_when_it_is_given_no_transport(
    paramiko: ModuleType, transport: object
) -> None:
    """
    Tests of programs call strategies without a connection, and count the refusals.
    """
    strategies = __import__(f"{paramiko.__name__}.auth_strategy", fromlist=["auth_strategy"])

    class Source(strategies.AuthSource):  # type: ignore[misc, name-defined]
        def authenticate(self, transport: Any) -> Any:
            raise ValueError("no")

    class Strategy(strategies.AuthStrategy):  # type: ignore[misc, name-defined]
        def get_sources(self) -> Any:
            yield Source("somebody")
            yield Source("somebody")

    with pytest.raises(strategies.AuthFailure) as caught:
        Strategy(ssh_config=paramiko.SSHConfig()).authenticate(transport)

    assert len(caught.value.result) == 2


def test_wrong_key_is_still_a_refusal(
    paramiko: ModuleType, open_unauthenticated: Callable[..., Connection], host: Host
) -> None:
    """
    What the server has answered is not replaced, and the transport stays usable.
    """
    connection = open_unauthenticated()
    transport = connection.transport
    wrong = Call(transport.auth_publickey, host.user, paramiko.ECDSAKey.generate())
    assert isinstance(raised(wrong, 5), paramiko.AuthenticationException)

    right = paramiko.Ed25519Key(filename=str(host.client_key))
    Call(transport.auth_publickey, host.user, right).result(5)

    assert transport.is_authenticated()


def test_connect_works_when_nothing_is_wrong(
    connect: Callable[..., Any], proxy_command: str
) -> None:
    """
    A command through a real bastion gives its output and its status.
    """
    client = connect(proxy_command)
    _, stdout, _ = client.exec_command("echo hello; exit 3")
    assert stdout.read() == b"hello\n"
    assert stdout.channel.recv_exit_status() == 3
    assert timed(client.close) < 1.0


@pytest.fixture
def open_unauthenticated(
    paramiko: ModuleType,
    proxy_command: str,
    leak_check: Callable[[Callable[[], None]], None],
) -> Any:
    """
    Return a function that opens a connection as far as the end of the key exchange.
    """

    class Unauthenticated:
        def __init__(self, transport: Any) -> None:
            self.transport = transport

        def get_transport(self) -> Any:
            return self.transport

    made: list[Any] = []

    def open_one(factory: Any = paramiko.Transport) -> Connection:
        transport = factory(paramiko.ProxyCommand(proxy_command))
        made.append(transport)
        transport.start_client(timeout=10)
        wait_until(lambda: transport.initial_kex_done, 5, "the end of the key exchange")
        return Connection(Unauthenticated(transport), KILLED, None)

    def rescue_all() -> None:
        for transport in made:
            rescue(transport)

    leak_check(rescue_all)
    yield open_one
    for transport in made:
        Call(transport.close).result(10)
