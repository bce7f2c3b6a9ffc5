"""
Beside the matrix: who waits for what never comes, without a proxy or after the program closed.
"""

from __future__ import annotations

import socket
from types import ModuleType

import pytest
from matrix.handshake_moments import asking_for_service, password
from matrix.moment import LIMIT_S, Watched
from matrix.scene import STEP_S, Scene
from session.connection import raised
from waiting import Call

#: Until a closed connection has let everybody go.
ANSWER_S = 2.0

#: A message of two gigabytes, less four bytes, begins.
PROMISE = bytes.fromhex("7ffffffc00000000")


@pytest.mark.fault
@pytest.mark.needs_api("service-request")
def test_wait_for_service_ends_when_program_closes(scene: Scene) -> None:
    """
    Who waits to be allowed to log in is told when another thread closes the transport.
    """
    asking_for_service(scene)
    call = Watched(password, scene)
    call.wait_blocked()

    Call(scene.transport.close).result(ANSWER_S)

    assert isinstance(raised(call, ANSWER_S), scene.paramiko.SSHException)


def test_plain_socket_waits_for_a_huge_message(paramiko: ModuleType) -> None:
    """
    Without a proxy command the length of a message stays the peer's business, as on stock.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:
        transport = paramiko.Transport(socket.create_connection(listener.getsockname(), STEP_S))
        peer, _ = listener.accept()
        with peer:
            peer.sendall(b"SSH-2.0-peer\r\n" + PROMISE)
            # It returns at its limit, with nothing negotiated and nothing refused.
            Call(lambda: transport.start_client(timeout=LIMIT_S)).result(LIMIT_S + ANSWER_S)
            assert transport.is_active()
            Call(transport.close).result(ANSWER_S)
