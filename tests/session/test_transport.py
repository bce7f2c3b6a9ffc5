"""
A transport whose proxy ends: calls that block on it, later calls, and what stays as it was.
"""

from __future__ import annotations

import copy
import inspect
import pickle
import time
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from session.connection import Connection, cpu_of, raised
from waiting import PROMPT_S, Call, wait_until

from paramiko_gate.faults import Fault

Open = Callable[..., Connection]

#: Every call on a transport that waits for an answer of the server.
WAITS: dict[str, Callable[[Any], Any]] = {
    "open_session": lambda transport: transport.open_session(),
    "open_session-with-time-limit": lambda transport: transport.open_session(timeout=30),
    "direct-tcpip": lambda transport: transport.open_channel(
        "direct-tcpip", ("127.0.0.1", 9), ("127.0.0.1", 9)
    ),
    "open_sftp_client": lambda transport: transport.open_sftp_client(),
    "global_request": lambda transport: transport.global_request("keepalive@example.org"),
    "request_port_forward": lambda transport: transport.request_port_forward("127.0.0.1", 0),
    "cancel_port_forward": lambda transport: transport.cancel_port_forward("127.0.0.1", 1),
    "renegotiate_keys": lambda transport: transport.renegotiate_keys(),
    "accept": lambda transport: transport.accept(),
}

#: What does not wait, and must not claim to have reached the server.
SENDS: dict[str, Callable[[Any], Any]] = {
    "send_ignore": lambda transport: transport.send_ignore(),
    "auth_password": lambda transport: transport.auth_password("a", "b"),
    "auth_none": lambda transport: transport.auth_none("a"),
    "get_remote_server_key": lambda transport: transport.get_remote_server_key(),
    "global_request-without-answer": lambda transport: transport.global_request("a", wait=False),
}

#: What asks nothing of the server.
ASKS_NOTHING: dict[str, Callable[[Any], Any]] = {
    "is_active": lambda transport: transport.is_active(),
    "is_authenticated": lambda transport: transport.is_authenticated(),
    "getpeername": lambda transport: transport.getpeername(),
    "get_username": lambda transport: transport.get_username(),
    "repr": repr,
    "close": lambda transport: transport.close(),
    "close-again": lambda transport: transport.close(),
}


@pytest.mark.fault
@pytest.mark.parametrize("name", WAITS)
def test_waiting_call_raises_reason_when_proxy_is_killed(open_connection: Open, name: str) -> None:
    """
    A call that waits for the server raises why the proxy ended, and again when it is repeated.

    Reproduces paramiko#1277.
    """
    connection = open_connection()
    connection.stall()
    (error,) = connection.strike_during(lambda: WAITS[name](connection.transport))
    connection.assert_reason(error)
    connection.assert_ended()

    again = raised(Call(WAITS[name], connection.transport), PROMPT_S)
    connection.assert_reason(again)
    assert again is not error


@pytest.mark.fault
def test_every_later_call_raises_reason_when_proxy_has_ended(
    open_connection: Open, fault: Fault
) -> None:
    """
    After the end no call waits, answers, or does as if it had sent something.
    """
    connection = open_connection(fault)
    connection.strike_and_wait()

    for name, call in {**WAITS, **SENDS}.items():
        error = Call(call, connection.transport).error(PROMPT_S)
        assert error is not None, name
        connection.assert_reason(error)


@pytest.mark.fault
def test_calls_that_ask_nothing_stay_silent_when_proxy_has_ended(
    open_connection: Open, fault: Fault
) -> None:
    """
    Closing, and asking the transport about itself, raises nothing.
    """
    connection = open_connection(fault)
    connection.strike_and_wait()

    answers = {
        name: Call(call, connection.transport).result(PROMPT_S)
        for name, call in ASKS_NOTHING.items()
    }
    assert answers["is_active"] is False
    assert answers["is_authenticated"] is False
    assert answers["getpeername"] == ("unknown", 0)


@pytest.mark.fault
def test_next_command_raises_reason_when_proxy_has_ended(
    open_connection: Open, fault: Fault
) -> None:
    """
    The next command on a client says why there is no connection any more.
    """
    connection = open_connection(fault)
    connection.strike_and_wait()

    error = raised(Call(connection.client.exec_command, "true"), PROMPT_S)

    connection.assert_reason(error)


@pytest.mark.measured
@pytest.mark.fault
def test_dead_connection_uses_no_cpu(open_connection: Open) -> None:
    """
    Once the proxy is dead nothing runs on its behalf.

    Reproduces paramiko#1277.
    """
    connection = open_connection()
    connection.strike()
    wait_until(lambda: not connection.transport.is_alive(), PROMPT_S, "the thread to end")

    # A fifth of what one spinning thread would use even on a busy machine.
    assert cpu_of(lambda: time.sleep(0.5)) < 0.1


@pytest.mark.fault
def test_get_exception_clears_what_it_returns_when_proxy_has_ended(
    open_connection: Open, failure: Any
) -> None:
    """
    The exception that `get_exception` hands out is handed out once; the reason stays for callers.
    """
    connection = open_connection()
    connection.strike_and_wait()

    assert isinstance(connection.transport.get_exception(), failure)
    assert connection.transport.get_exception() is None
    connection.assert_reason(raised(Call(connection.transport.open_session), PROMPT_S))


@pytest.mark.fault
def test_failure_survives_pickle_and_copy(open_connection: Open, failure: Any) -> None:
    """
    A caller in another process gets the whole reason.
    """
    connection = open_connection()
    connection.strike_and_wait()
    error: Any = raised(Call(connection.transport.open_session), PROMPT_S)

    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(again) is failure
        assert str(again) == str(error)
        assert (again.returncode, again.stderr) == (error.returncode, error.stderr)


WRAPPED = {
    "Transport": [
        "start_client",
        "open_channel",
        "request_port_forward",
        "cancel_port_forward",
        "get_remote_server_key",
        "renegotiate_keys",
        "global_request",
        "accept",
        "auth_none",
        "auth_password",
        "auth_publickey",
        "auth_interactive",
        "close",
    ],
    "ServiceRequestingTransport": ["auth_none", "auth_password", "auth_publickey"],
    "Channel": [
        "recv",
        "recv_exit_status",
        "exec_command",
        "get_pty",
        "invoke_shell",
        "invoke_subsystem",
        "request_x11",
        "set_environment_variable",
    ],
}


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        pytest.param(
            owner,
            name,
            marks=[pytest.mark.needs_api("service-request")] if owner.startswith("Service") else [],
        )
        for owner, names in WRAPPED.items()
        for name in names
    ],
)
def test_wrapped_method_looks_like_upstreams(paramiko: ModuleType, owner: str, name: str) -> None:
    """
    Tools that read signatures and docstrings see what upstream wrote.
    """
    transport = __import__(f"{paramiko.__name__}.transport", fromlist=["transport"])
    method = getattr(getattr(paramiko, owner, None) or getattr(transport, owner), name)
    parameters = list(inspect.signature(method).parameters)
    assert parameters[0] == "self"
    assert "args" not in parameters
    assert "kwargs" not in parameters
    assert method.__name__ == name
    if owner != "ServiceRequestingTransport":
        assert inspect.getdoc(method)
