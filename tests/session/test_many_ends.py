"""
Connections that lose their proxies together end one by one, and nobody waits long for that.

How long a thousand of them take is measured by the soak; here is what a turn may cost.
"""

from __future__ import annotations

import importlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import children
import pytest
from session.connection import Connection
from waiting import PROMPT_S, Call, timed

from paramiko_gate.servers.endpoint import Host

Open = Callable[..., Connection]

#: How long a call is watched that waits for somebody's turn.
WATCHED_S = 0.3

#: A turn that no test can take for another's delay, in seconds, nor for a busy machine's.
LONG_TURN_S = 30.0


@pytest.fixture
def turns(target: str) -> Any:
    """
    Return what a connection's end goes through.
    """
    return importlib.import_module(f"{target}._one_by_one")


@pytest.fixture
def long_turns(turns: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Let nobody go on whose turn it is not.
    """
    monkeypatch.setattr(turns, "TURN_LIMIT_S", LONG_TURN_S)


@pytest.fixture
def somebody_ends(turns: Any) -> Iterator[threading.Event]:
    """
    Have another thread at its turn until the event that this returns is set.
    """
    begun, over = threading.Event(), threading.Event()

    def take_turn() -> None:
        with turns.taking_turns():
            begun.set()
            over.wait(60)

    call = Call(take_turn)
    assert begun.wait(PROMPT_S)
    yield over
    over.set()
    call.result()


@pytest.mark.usefixtures("long_turns")
def test_end_comes_after_the_one_before_it(
    open_connection: Open, somebody_ends: threading.Event
) -> None:
    """
    A thousand threads at work together would all be told late.
    """
    connection = open_connection()
    call = Call(connection.run().recv_exit_status)
    assert call.blocks()
    connection.strike()
    assert call.blocks(WATCHED_S)
    somebody_ends.set()
    connection.assert_reason(call.error(PROMPT_S))


@pytest.mark.usefixtures("somebody_ends")
def test_end_comes_in_time_when_the_one_before_it_hangs(open_connection: Open) -> None:
    """
    A turn guards nothing: who has waited long enough goes on without.
    """
    connection = open_connection()
    (error,) = connection.strike_during(connection.run().recv_exit_status)
    connection.assert_reason(error)


def test_nobody_goes_on_while_others_have_their_turns(
    turns: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    All who wait reach the limit at the same moment: if they went on, they would all be told late.
    """
    limit_s, turn_s, count = 1.0, 0.1, 25
    monkeypatch.setattr(turns, "TURN_LIMIT_S", limit_s)
    inside: list[int] = []
    most = []

    def take_turn(number: int) -> None:
        with turns.taking_turns():
            inside.append(number)
            most.append(len(inside))
            time.sleep(turn_s)
            inside.remove(number)

    assert count * turn_s > 2 * limit_s, "nobody has to wait for longer than the limit"
    calls = [Call(lambda number=number: take_turn(number)) for number in range(count)]
    for call in calls:
        call.result(LONG_TURN_S)
    assert most == [1] * count


@pytest.mark.usefixtures("long_turns", "somebody_ends")
def test_proxy_that_leaves_a_session_behind_takes_no_turn_to_close(
    open_connection: Open, paramiko: ModuleType, proxy_command: str
) -> None:
    """
    What may have to wait for a session's processes does not let others wait for it.
    """
    proxy = paramiko.ProxyCommand(proxy_command, start_new_session=True)
    assert not proxy._ends_at_once()
    assert timed(proxy.close) < LONG_TURN_S
    assert not proxy._ends_at_once()


@pytest.mark.usefixtures("long_turns", "somebody_ends")
def test_plain_connection_takes_no_turn(paramiko: ModuleType, host: Host) -> None:
    """
    Nothing changes for a connection without a proxy command.
    """
    transport = paramiko.Transport((host.address, host.port))
    transport.start_client(timeout=10)
    transport.auth_publickey(host.user, paramiko.Ed25519Key(filename=str(host.client_key)))
    transport.sock.shutdown(socket.SHUT_RDWR)
    transport.join(LONG_TURN_S / 3)
    assert not transport.is_alive()
    transport.close()


def test_forked_child_waits_for_no_thread_of_its_parent(target: str) -> None:
    """
    Whose turn it was at the fork is not there to give it back.
    """
    children.run_program(
        f"""
        import importlib, os, threading, time
        turns = importlib.import_module("{target}._one_by_one")
        turns.TURN_LIMIT_S = {LONG_TURN_S}
        begun, over = threading.Event(), threading.Event()

        def take_turn():
            with turns.taking_turns():
                begun.set()
                over.wait({LONG_TURN_S})

        def take_turn_in_child():
            meeting.wait()
            with turns.taking_turns():
                pass

        threading.Thread(target=take_turn).start()
        assert begun.wait(5)
        child = os.fork()
        if not child:
            started = time.monotonic()
            # Several at once: one may be given the number of the thread that held it.
            meeting = threading.Barrier(3)
            others = [threading.Thread(target=take_turn_in_child) for _ in range(3)]
            for other in others:
                other.start()
            for other in others:
                other.join()
            os._exit(time.monotonic() - started > {LONG_TURN_S / 3})
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        over.set()
        assert status == 0, status
        """,
        target,
    )
