"""
An answer to an authentication request that is processed before the sender goes on is not lost.

On a busy machine the sender is now and then held up for longer than the server takes to answer.
Here it always is, by a transport that returns from sending only when the answer is known.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
from session.conftest import login
from session.connection import RAISES_S, close
from waiting import Call, wait_until

from paramiko_gate.servers.endpoint import Host

pytestmark = pytest.mark.needs_api("auth-strategy")

#: The number of the message that asks for authentication; RFC 4252, section 6.
USERAUTH_REQUEST = 50

#: How long an attempt takes at most that nobody tells of its answer.
AUTH_TIMEOUT_S = 4.0


@pytest.fixture(params=["proxied", "plain"])
def sock(
    request: pytest.FixtureRequest, paramiko: ModuleType, proxy_command: str, host: Host
) -> Any:
    """
    Return what leads to the host, with and without a proxy command.
    """
    if request.param == "plain":
        return (host.address, host.port)
    return paramiko.ProxyCommand(proxy_command)


@pytest.fixture
def held_up(paramiko: ModuleType, sock: Any) -> Iterator[Any]:
    """
    Yield a transport whose sender of such a request is held up until it has been answered.
    """

    class HeldUpTransport(paramiko.ServiceRequestingTransport):  # type: ignore[misc, name-defined]
        def _send_message(self, data: Any) -> None:
            super()._send_message(data)
            if data.asbytes()[0] == USERAUTH_REQUEST:
                # A refusal makes the handler forget who has asked.
                wait_until(
                    lambda: self.is_authenticated() or self.auth_handler.username is None,
                    RAISES_S,
                    "the answer of the server",
                )

    transport = HeldUpTransport(sock)
    transport.auth_timeout = AUTH_TIMEOUT_S
    Call(transport.start_client).result(10)
    yield transport
    close(transport)


def right_key(paramiko: ModuleType, host: Host) -> Any:
    """
    Return a key with which the host lets its user in.
    """
    return paramiko.Ed25519Key(filename=login(host)["key_filename"])


def test_login_that_was_granted_early_succeeds(
    paramiko: ModuleType, held_up: Any, host: Host
) -> None:
    """
    Upstream waits until its limit, and says that there was no answer.
    """
    Call(held_up.auth_publickey, host.user, right_key(paramiko, host)).result(RAISES_S)
    assert held_up.is_authenticated()


def test_login_that_was_refused_early_is_refused(
    paramiko: ModuleType, held_up: Any, host: Host
) -> None:
    """
    The caller is told so at once, and may try another key.
    """
    refused = Call(held_up.auth_publickey, host.user, paramiko.ECDSAKey.generate())
    refused.wait(RAISES_S)
    error = refused.error()
    assert type(error) is paramiko.AuthenticationException
    assert "timeout" not in str(error)

    Call(held_up.auth_publickey, host.user, right_key(paramiko, host)).result(RAISES_S)
    assert held_up.is_authenticated()


def test_answer_that_comes_later_counts_as_well(
    paramiko: ModuleType, sock: Any, host: Host
) -> None:
    """
    What must not change: as a rule the sender waits for it.
    """
    transport = paramiko.ServiceRequestingTransport(sock)
    Call(transport.start_client).result(10)
    try:
        Call(transport.auth_publickey, host.user, right_key(paramiko, host)).result(RAISES_S)
        assert transport.is_authenticated()
    finally:
        close(transport)
