"""
Rows of the matrix: idle, or blocked in a call of the transport or of a forwarded connection.
"""

from __future__ import annotations

import socket
from typing import Any

from matrix.faults import IDLE
from matrix.moment import LIMIT_S, Moment, within
from matrix.scene import ECHO, MORE, STEP_S, Scene

READERS = 10
KEEPALIVE_S = 0.1


def negotiated(scene: Scene) -> Any:
    """Exchange keys, and do not log in."""
    return scene.negotiated()


def idle(scene: Scene) -> Any:
    """Log in and run a command whose output has all been read; nobody waits for anything."""
    channel = scene.running(ECHO)
    assert channel.recv(2) == b"ab"
    return channel


def idle_with_keepalive(scene: Scene) -> Any:
    """Do the same with keepalives."""
    idle(scene)
    scene.transport.set_keepalive(KEEPALIVE_S)


def answers_held(scene: Scene) -> Any:
    """Log in and have each answer held back."""
    transport = scene.connected()
    scene.stand_in.do("hold")
    return transport


def session_opened(scene: Scene) -> Any:
    """Open a session channel and have each answer held back."""
    scene.channel = scene.connected().open_session(timeout=STEP_S)
    scene.stand_in.do("hold")
    return scene.channel


def ten_channels(scene: Scene) -> Any:
    """Run ten commands on one connection; what each prints next is held back."""
    scene.running(ECHO)
    channels = [scene.channel]
    for _ in range(READERS - 1):
        channel = scene.transport.open_session(timeout=STEP_S)
        channel.exec_command(ECHO)
        channels.append(channel)
    for channel in channels:
        channel.settimeout(STEP_S)
        assert channel.recv(2) == b"ab"
        channel.settimeout(None)
    scene.stand_in.do("hold")
    for channel in channels:
        channel.sendall(MORE)
    return channels


def listener_behind(scene: Scene) -> Any:
    """Listen where a forwarded connection may lead to; answers are held back."""
    listener = scene.listen()
    transport = answers_held(scene)
    return transport, listener.getsockname()


def forwarded(scene: Scene) -> Any:
    """Open a connection through the server; what comes over it next is held back."""
    listener = scene.listen()
    source = ("127.0.0.1", 0)
    transport = scene.connected()
    scene.channel = transport.open_channel("direct-tcpip", listener.getsockname(), source)
    behind = scene.keep(listener.accept()[0])
    scene.stand_in.do("hold")
    behind.sendall(MORE)
    return scene.channel


def forwarding(scene: Scene) -> Any:
    """Have the server listen; that somebody has connected there is held back."""
    transport = scene.connected()
    port = transport.request_port_forward("127.0.0.1", 0)
    scene.stand_in.do("hold")
    scene.keep(socket.create_connection(("127.0.0.1", port), STEP_S))
    return transport


def recv(channel: Any) -> Any:
    """Receive what comes next."""
    return channel.recv(100)


def open_session(transport: Any) -> Any:
    """Open a session, without a limit of the caller's own."""
    return transport.open_session().get_name()


def open_session_in_time(transport: Any) -> Any:
    """Open a session within a limit."""
    return transport.open_session(timeout=LIMIT_S)


def open_forwarded(where: Any) -> Any:
    """Open a connection through the server."""
    transport, address = where
    return transport.open_channel("direct-tcpip", address, ("127.0.0.1", 0)).get_name()


def open_forwarded_in_time(where: Any) -> Any:
    """Do the same within a limit."""
    transport, address = where
    source = ("127.0.0.1", 0)
    return transport.open_channel("direct-tcpip", address, source, timeout=LIMIT_S)


def accept(transport: Any) -> Any:
    """Wait for a forwarded connection."""
    return transport.accept().origin_addr[0]


def accept_in_time(transport: Any) -> Any:
    """Do the same within a limit."""
    return transport.accept(LIMIT_S)


def ask(transport: Any) -> Any:
    """Ask what the server says no to, and wait for it."""
    return transport.global_request("keepalive@openssh.com", wait=True)


def forward(transport: Any) -> Any:
    """Have the server listen."""
    return transport.request_port_forward("127.0.0.1", 0) > 0


def renegotiate(transport: Any) -> Any:
    """Exchange keys again."""
    return transport.renegotiate_keys()


TRANSPORT_MOMENTS = [
    Moment("negotiated", negotiated, None, faults=IDLE, answered=False),
    Moment("idle", idle, None, faults=IDLE, answered=False),
    Moment("idle-with-keepalive", idle_with_keepalive, None, faults=IDLE, answered=False),
    Moment(
        "open_session",
        answers_held,
        open_session,
        limited=open_session_in_time,
        real=True,
        on_limit="SSHException",
    ),
    Moment("global_request", answers_held, ask, None, real=True),
    Moment("request_port_forward", answers_held, forward, True),
    Moment("renegotiate_keys", answers_held, renegotiate, None, real=True),
    Moment(
        "direct-tcpip-open",
        listener_behind,
        open_forwarded,
        limited=open_forwarded_in_time,
        on_limit="SSHException",
    ),
    Moment("direct-tcpip-recv", forwarded, recv, MORE, within(recv)),
    Moment(
        "reverse-accept",
        forwarding,
        accept,
        "127.0.0.1",
        limited=accept_in_time,
        on_limit="None",
    ),
    Moment("ten-readers", ten_channels, recv, MORE, within(recv), real=True),
]
