"""
The main rows of the matrix, where the connection goes over something that leads to the proxy.

Fabric's gateways and ProxyJump make nested connections, and programs wrap sockets. What callers
are told does not depend on that.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Sequence
from typing import Any

import pytest
from matrix import carriers
from matrix.carriers import Carrier
from matrix.faults import CLOSES_OUTPUT, CONTINUED, EXITS_97, KILLED, Fault
from matrix.moment import Moment
from matrix.scene import Scene
from matrix.test_matrix import (
    ANSWER_S,
    MOMENTS,
    Record,
    assert_ended,
    assert_failure,
    reach,
    strike,
)
from waiting import Call, wait_until

CARRIERS: list[Carrier] = [
    carriers.nested,
    carriers.composed,
    carriers.three_hops,
    carriers.delegating,
]

#: One row of each kind: what is blocked on a connection, a channel, a file, a session of files.
ROWS = (
    "connect-banner",
    "negotiated",
    "idle",
    "open_session",
    "request_port_forward",
    "direct-tcpip-recv",
    "ten-readers",
    "recv",
    "sendall-pipe-full",
    "file-read",
    "recv_exit_status",
    "exec_command",
)

#: The first ring has these rows alone, of the two carriers that differ most.
FIRST_RING = ("idle", "recv", "file-read", "recv_exit_status", "exec_command")
FIRST_CARRIERS = (carriers.nested, carriers.composed)


def cells(*faults: Fault, over: Sequence[Carrier] = CARRIERS) -> list[Any]:
    """
    Return the cells of these columns, as parameters.
    """
    chosen = []
    for carrier, moment, fault in itertools.product(over, MOMENTS, faults):
        if fault in moment.faults and (moment.name in ROWS or moment.name.startswith("sftp-")):
            first = carrier in FIRST_CARRIERS and moment.name in FIRST_RING
            later = [] if first else [pytest.mark.ci("see `FIRST_RING`")]
            name = f"{carrier.__name__}-{moment.name}-{fault.name}"
            chosen.append(pytest.param(carrier, moment, fault, id=name, marks=later))
    return chosen


@pytest.mark.fault
@pytest.mark.parametrize(
    ("carrier", "moment", "fault"),
    [*cells(KILLED), *cells(EXITS_97, CLOSES_OUTPUT, over=[carriers.nested])],
)
def test_everybody_gets_the_reason_whatever_leads_to_the_proxy(
    scene: Scene,
    carrier: Carrier,
    moment: Moment,
    fault: Fault,
    record_property: Record,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """
    On each hop blocked calls and later ones raise why the proxy ended; closing is silent.
    """
    scene.carrier = carrier
    watched = reach(
        scene, moment, fault, record_property, column=f"{carrier.__name__} {fault.name}"
    )
    strike(scene, fault, watched, record_property)

    for call in watched:
        assert_failure(scene, fault, call.error(0))
    assert_ended(scene)
    if moment.partial:
        assert getattr(watched[0].error(0), "partial", None) == moment.partial
        assert Call(scene.file.read, len(moment.partial)).result(ANSWER_S) == moment.partial
    for name, later in [*scene.later_calls().items(), *calls_of_hops(scene)]:
        assert_failure(scene, fault, Call(later).error(ANSWER_S), name)
    assert scene.wrong_predicates() == {}
    assert scene.wakes_select()
    for name, closer in scene.closers().items():
        assert Call(closer).error(ANSWER_S) is None, name
    records = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(records) == 1 + len(scene.hops), caplog.text
    assert all(fault.reason in record.getMessage() for record in records), caplog.text
    assert "Traceback" not in caplog.text


@pytest.mark.fault
@pytest.mark.parametrize(("carrier", "moment", "fault"), cells(CONTINUED, over=CARRIERS[:2]))
def test_call_finishes_whatever_leads_to_the_proxy(
    scene: Scene, carrier: Carrier, moment: Moment, fault: Fault, record_property: Record
) -> None:
    """
    A proxy that goes on after all is no death on any hop.
    """
    scene.carrier = carrier
    watched = reach(
        scene, moment, fault, record_property, column=f"{carrier.__name__} {fault.name}"
    )
    strike(scene, fault, watched, record_property)
    for call in watched:
        value = call.result(0)
        assert moment.value(value) if callable(moment.value) else moment.value == value
    assert all(hop.is_active() for hop in [*scene.hops, scene.transport])


def calls_of_hops(scene: Scene) -> list[tuple[str, Any]]:
    """
    Return a later call on each connection that is only passed through.
    """
    wait_until(
        lambda: not any(hop.is_active() for hop in scene.hops), ANSWER_S, "the end of all hops"
    )
    return [(f"hop {n}", hop.open_session) for n, hop in enumerate(scene.hops, 1)]
