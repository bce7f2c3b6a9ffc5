"""
Every moment of a session times everything that can happen to its proxy.

The rows are in the ``*_moments`` modules, the columns in `faults`. The fault comes at an exact byte
of what the server says, and when the call is seen to block. The cells of a living proxy (column
``continued``) are about what must not change, and so is a stall within a limit in most rows.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from matrix.channel_moments import CHANNEL_MOMENTS
from matrix.faults import EXITS_97, FIRST_RING, KILLED, Fault
from matrix.handshake_moments import HANDSHAKE_MOMENTS
from matrix.moment import LATE_S, LIMIT_S, Moment, Watched
from matrix.scene import STEP_S, Scene
from matrix.sftp_moments import SFTP_MOMENTS
from matrix.transport_moments import TRANSPORT_MOMENTS
from session.connection import cpu_of
from waiting import BLOCKED_S, Call, wait_until

if TYPE_CHECKING:
    from paramiko_gate.servers.endpoint import Bastion

#: From the fault until everybody has an answer.
ANSWER_S = 2.0

MOMENTS = [*HANDSHAKE_MOMENTS, *TRANSPORT_MOMENTS, *CHANNEL_MOMENTS, *SFTP_MOMENTS]

Record = Callable[[str, object], None]


def marks(moment: Moment, fault: Fault) -> list[pytest.MarkDecorator]:
    """
    Return what pytest has to know of a cell.
    """
    needs = [pytest.mark.needs_api(moment.needs_api)] if moment.needs_api else []
    later = [] if fault in FIRST_RING else [pytest.mark.ci("see `faults.FIRST_RING`")]
    return [*needs, *later]


def cells(kind: str) -> pytest.MarkDecorator:
    """
    Return the cells whose fault is of a kind, as parameters.
    """
    chosen = [
        pytest.param(moment, fault, id=f"{moment.name}-{fault.name}", marks=marks(moment, fault))
        for moment in MOMENTS
        for fault in moment.faults
        if fault.kind == kind and (moment.answered or not fault.needs_held)
    ]
    return pytest.mark.parametrize(("moment", "fault"), chosen)


@pytest.mark.fault
@cells("death")
def test_everybody_gets_the_reason_when_proxy_ends(
    scene: Scene,
    moment: Moment,
    fault: Fault,
    record_property: Record,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """
    Blocked calls and later ones raise why the proxy ended; what says good-bye is silent.
    """
    watched = reach(scene, moment, fault, record_property)
    strike(scene, fault, watched, record_property)

    for call in watched:
        assert_failure(scene, fault, call.error(0))
    assert_ended(scene)
    if moment.partial:
        assert getattr(watched[0].error(0), "partial", None) == moment.partial
        assert Call(scene.file.read, len(moment.partial)).result(ANSWER_S) == moment.partial
    for name, later in scene.later_calls().items():
        assert_failure(scene, fault, Call(later).error(ANSWER_S), name)
    assert scene.wrong_predicates() == {}
    assert scene.wakes_select()
    for name, closer in scene.closers().items():
        assert Call(closer).error(ANSWER_S) is None, name
    assert scene.wrong_predicates() == {}
    assert_one_record(fault, caplog)


@pytest.mark.fault
@cells("stall")
def test_limit_of_caller_is_honoured_when_proxy_stalls(
    scene: Scene, moment: Moment, fault: Fault, record_property: Record
) -> None:
    """
    A call that can be limited ends at its limit; one that cannot ends when the program closes.
    """
    if moment.limited is None:
        (call, *_) = watched = reach(scene, moment, fault, record_property)
        scene.strike(fault)
        assert cpu_of(lambda: call.blocks(BLOCKED_S)) < BLOCKED_S / 2
        assert call.blocks(0), call.outcome(0)
        closing = Watched(scene.transport.close)
        outcome = call.outcome(ANSWER_S)
        record_property("matrix-outcome", f"waits; at close {outcome}")
        assert all(each.outcome(ANSWER_S) != "no answer" for each in watched)
        assert closing.error(ANSWER_S) is None
        return
    watched = reach(scene, moment, fault, record_property, limited=True)
    if any(call.blocks(0) for call in watched):
        with contextlib.suppress(ProcessLookupError, BrokenPipeError):  # it ends this moment
            scene.strike(fault)
    deadline = time.monotonic() + LIMIT_S + ANSWER_S
    outcomes = [call.outcome(max(0.0, deadline - time.monotonic())) for call in watched]
    if "no answer" in outcomes:
        record_property("matrix-outcome", "no answer")
        raise AssertionError(f"still blocked {ANSWER_S:g} s after its limit")
    took_s = max(call.ended_s - call.started_s for call in watched)
    record_property("matrix-outcome", f"{took_s * 1000:.0f} ms {outcomes[0]}")
    for call in watched:
        assert_limit(scene, moment, call)
        assert LIMIT_S * 0.95 <= call.ended_s - call.started_s <= LIMIT_S + LATE_S


@pytest.mark.fault
@cells("pause")
def test_call_finishes_when_proxy_goes_on(
    scene: Scene, moment: Moment, fault: Fault, record_property: Record
) -> None:
    """
    A proxy that was only stopped for a moment does no harm; stock does the same.
    """
    watched = reach(scene, moment, fault, record_property)
    struck_s = time.monotonic()
    scene.strike(fault)
    outcomes = [call.outcome(STEP_S) for call in watched]
    took_s = max(call.ended_s for call in watched) - struck_s
    record_property("matrix-outcome", f"{took_s * 1000:.0f} ms {outcomes[0]}")
    for call, outcome in zip(watched, outcomes):
        if moment.refusal:
            assert outcome == moment.refusal
            continue
        value = call.result(0)
        assert moment.value(value) if callable(moment.value) else moment.value == value, outcome
    assert scene.transport.is_active()


@pytest.mark.fault
@cells("garbage")
def test_everybody_gets_an_error_at_once_when_proxy_talks_garbage(
    scene: Scene, moment: Moment, fault: Fault, record_property: Record
) -> None:
    """
    What is no message ends the connection, and nobody takes it for one or waits for more.
    """
    watched = reach(scene, moment, fault, record_property)
    strike(scene, fault, watched, record_property)

    for call in watched:
        assert isinstance(call.error(0), scene.paramiko.SSHException), call.outcome(0)
    assert_ended(scene)
    for name, later in scene.later_calls().items():
        error = Call(later).error(ANSWER_S)
        assert isinstance(error, scene.paramiko.SSHException), (name, error)
    for name, closer in scene.closers().items():
        assert Call(closer).error(ANSWER_S) is None, name


@pytest.mark.fault
@pytest.mark.parametrize("moment", [pytest.param(m, id=m.name) for m in MOMENTS if m.real])
def test_everybody_gets_the_reason_when_real_ssh_is_killed(
    scene: Scene, moment: Moment, bastion: Bastion, record_property: Record
) -> None:
    """
    The main rows once more, behind a real ``ssh -W``, which can only be stopped and killed.
    """
    scene.prepare_real(bastion)
    watched = reach(scene, moment, KILLED, record_property, column="ssh -W killed")
    strike(scene, KILLED, watched, record_property)

    for call in watched:
        assert_failure(scene, KILLED, call.error(0), stderr=b"")
    assert_ended(scene)
    for name, later in scene.later_calls().items():
        assert_failure(scene, KILLED, Call(later).error(ANSWER_S), name, stderr=b"")


def reach(
    scene: Scene,
    moment: Moment,
    fault: Fault,
    record: Record,
    limited: bool = False,
    column: str = "",
) -> list[Watched]:
    """
    Bring the session to a moment, and return the calls that block then.
    """
    record("matrix-row", moment.name)
    record("matrix-column", column or fault.name)
    subject = moment.reach(scene)
    call = moment.limited if limited else moment.call
    subjects = subject if isinstance(subject, list) else [subject]
    watched = [Watched(call, each) for each in subjects] if call is not None else []
    if scene.stops:
        try:
            scene.stand_in.wait_stopped()
        except (AssertionError, TimeoutError):
            # On a busy machine the limit is over before the proxy has got there: as good a stall.
            # The proxy ends before the call does.
            if not limited or any(call.blocks(ANSWER_S) for call in watched):
                raise
            return watched
    if moment.answered:
        scene.stand_in.wait_held(max(fault.needs_held, 1))
    for each in watched:
        each.wait_blocked(or_done=limited)
    return watched


def strike(scene: Scene, fault: Fault, watched: list[Watched], record: Record) -> None:
    """
    Bring the fault about, and write down what the calls made of it, and when.
    """
    struck_s = time.monotonic()
    scene.strike(fault)
    deadline = struck_s + ANSWER_S
    if not watched:
        record("matrix-outcome", "still active")
        wait_until(lambda: not scene.transport.is_active(), ANSWER_S, "an inactive transport")
        record("matrix-outcome", f"{(time.monotonic() - struck_s) * 1000:.0f} ms inactive")
        return
    outcomes = [call.outcome(max(0.0, deadline - time.monotonic())) for call in watched]
    took = f"{(max(call.ended_s for call in watched) - struck_s) * 1000:.0f} ms "
    each = " or ".join(dict.fromkeys(outcomes))
    record("matrix-outcome", each if "no answer" in outcomes else took + each)
    assert "no answer" not in outcomes, f"still blocked {ANSWER_S:g} s later"


def assert_failure(
    scene: Scene,
    fault: Fault,
    error: BaseException | None,
    what: str = "",
    stderr: bytes = b"stand-in: relaying\n",
) -> None:
    """
    Check that an error tells how the proxy ended, in words, by status and by its stderr.
    """
    assert type(error) is scene.paramiko.ProxyCommandFailure, (what, error)
    assert fault.reason in str(error) or not stderr, (what, str(error))
    assert getattr(error, "returncode", "missing") == fault.returncode, (what, error)
    assert getattr(error, "stderr", b"missing").startswith(stderr), (what, error)
    if fault is EXITS_97:
        assert "gate is shut" in str(error), (what, str(error))


def assert_ended(scene: Scene) -> None:
    """
    Check that the connection is inactive and that its thread ends.
    """
    assert not scene.transport.is_active()
    scene.transport.join(ANSWER_S)
    assert not scene.transport.is_alive()


def assert_limit(scene: Scene, moment: Moment, call: Watched) -> None:
    """
    Check that a call ended as its limit says.
    """
    if moment.on_limit == "None":
        assert call.result(0) is None
        return
    wanted = (
        socket.timeout
        if moment.on_limit == "socket.timeout"
        else getattr(scene.paramiko, moment.on_limit)
    )
    assert isinstance(call.error(0), wanted), call.outcome(0)


def assert_one_record(fault: Fault, caplog: pytest.LogCaptureFixture) -> None:
    """
    Check that the log has the reason once, and no traceback.
    """
    records = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert [record.levelno for record in records] == [logging.ERROR], caplog.text
    assert records[0].name.startswith("paramiko.transport")
    assert fault.reason in records[0].getMessage()
    assert "Traceback" not in caplog.text
