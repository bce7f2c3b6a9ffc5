"""
Beside the matrix: who waits for what never comes after the program closed.
"""

from __future__ import annotations

import pytest
from matrix.handshake_moments import asking_for_service, password
from matrix.moment import Watched
from matrix.scene import Scene
from session.connection import raised
from waiting import Call

#: Until a closed connection has let everybody go.
ANSWER_S = 2.0


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
