"""
What programs do with the insides of a connection works as on stock.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from types import ModuleType
from typing import Any, NamedTuple

import pytest
from waiting import PROMPT_S, Call, wait_until

#: How long a transport thread may still have something to do, seconds.
SETTLED_S = 0.5


class Ends(NamedTuple):
    """
    Both ends of one plain connection, in this process.
    """

    client: Any
    server: Any


@pytest.fixture
def ends(paramiko: ModuleType) -> Iterator[Ends]:
    """
    Return a client's transport that is logged in, and the server's that it talks to.
    """

    class Server(paramiko.ServerInterface):  # type: ignore[misc,name-defined]
        def check_auth_none(self, username: str) -> Any:
            return paramiko.AUTH_SUCCESSFUL

        def check_channel_request(self, kind: str, chanid: int) -> Any:
            return paramiko.OPEN_SUCCEEDED

        def check_global_request(self, kind: str, msg: Any) -> Any:
            return kind == "known@example.org"

    class Recording(paramiko.Transport):  # type: ignore[misc,name-defined]
        sent: list[int]

        def _send_message(self, data: Any) -> None:
            self.__dict__.setdefault("sent", []).append(data.asbytes()[0])
            super()._send_message(data)

    pair = socket.socketpair()
    client, server = Recording(pair[0]), paramiko.Transport(pair[1])
    server.add_server_key(paramiko.RSAKey.generate(2048))
    try:
        server.start_server(threading.Event(), Server())
        client.start_client(timeout=PROMPT_S)
        client.auth_none("anybody")
        yield Ends(client, server)
    finally:
        client.close()
        server.close()


def test_overridden_send_message_is_given_every_message(ends: Ends) -> None:
    """
    Those of a program's calls as well as the transport's own.
    """
    before = len(ends.client.sent)
    channel = Call(ends.client.open_session).result(PROMPT_S)
    Call(channel.sendall, b"data").result(PROMPT_S)
    other = ends.server.accept(PROMPT_S)
    assert Call(other.recv, 4).result(PROMPT_S) == b"data"
    # SSH_MSG_CHANNEL_OPEN and SSH_MSG_CHANNEL_DATA
    assert ends.client.sent[before:] == [90, 94]
    channel.close()
    other.close()


def test_message_that_an_overriding_method_keeps_is_not_sent(ends: Ends) -> None:
    """
    Such a method decides; no caller waits for what is not to be written.
    """
    channel = Call(ends.client.open_session).result(PROMPT_S)
    other = ends.server.accept(PROMPT_S)
    ends.client._send_message = lambda data: None
    Call(channel.sendall, b"kept").result(PROMPT_S)
    del ends.client._send_message
    Call(channel.sendall, b"sent").result(PROMPT_S)
    assert Call(other.recv, 4).result(PROMPT_S) == b"sent"
    channel.close()
    other.close()


def test_global_request_has_a_completion_event_of_its_own(ends: Ends) -> None:
    """
    It is set when the answer is there.
    """
    ends.client.completion_event = None
    answer = Call(ends.client.global_request, "known@example.org").result(PROMPT_S)
    assert answer is not None
    assert ends.client.completion_event.is_set()
    assert Call(ends.client.global_request, "unknown@example.org").result(PROMPT_S) is None
    assert ends.client.completion_event.is_set()


def test_end_sets_completion_event_of_a_request_without_answer(ends: Ends) -> None:
    """
    Nobody waits for it for ever.
    """
    ends.server._send_message = lambda data: None
    asked_of: list[str] = []
    ends.server.server_object.check_global_request = lambda kind, _: asked_of.append(kind)
    asked = Call(ends.client.global_request, "known@example.org")
    wait_until(lambda: asked_of, PROMPT_S, "the request")
    event = ends.client.completion_event
    assert not event.is_set()
    ends.server.close()
    assert asked.result(PROMPT_S) is None
    assert event.is_set()
    assert event is ends.client.completion_event


@pytest.mark.parametrize("name", ["channel", "client", "server"])
def test_lock_can_be_asked_and_given_back_by_another_thread(ends: Ends, name: str) -> None:
    """
    As any `threading.Lock` can.
    """
    channel = Call(ends.client.open_session).result(PROMPT_S)
    lock = {"channel": channel, **ends._asdict()}[name].lock
    assert not lock.locked()
    Call(lock.acquire).result(PROMPT_S)
    assert lock.locked()
    lock.release()
    assert not lock.locked()
    channel.close()


def test_what_is_in_a_pipe_can_be_indexed_sliced_iterated_and_copied(paramiko: ModuleType) -> None:
    """
    Upstream's is an array of bytes.
    """
    pipe = paramiko.buffered_pipe.BufferedPipe()
    pipe.feed(b"hello")
    buffer = pipe._buffer
    # Upstream's array gives a byte for an index.
    assert buffer[0] in (b"h", ord("h"))
    assert bytes(buffer[1:3]) == b"el"
    assert bytes(buffer[-2:]) == b"lo"
    assert bytes(buffer) == b"hello"
    assert list(buffer) == list(b"hello")
    assert len(buffer) == 5
    assert pipe.read(2) == b"he"
    assert bytes(pipe._buffer) == b"llo"


def test_modules_that_test_suites_patch_are_in_the_proxy_module(
    paramiko: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    `mock.patch` refuses a name that is not there.
    """
    for name, attribute in (("select", "__call__"), ("time", "time")):
        assert hasattr(getattr(paramiko.proxy, name), attribute)
        monkeypatch.setattr(paramiko.proxy, name, None)


def settle(ends: Ends) -> None:
    """
    Wait until the threads of both ends have had the time to fall asleep.
    """
    for end in ends:
        end.join(SETTLED_S)
        assert end.is_alive()


def test_plain_connection_holds_no_descriptor_but_its_socket(
    request: pytest.FixtureRequest, paramiko: ModuleType
) -> None:
    """
    As many connections fit into a process as with stock.
    """
    before = len(os.listdir("/proc/self/fd"))
    settle(request.getfixturevalue("ends"))
    assert len(os.listdir("/proc/self/fd")) == before + len(Ends._fields)


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_forked_child_that_closes_its_copy_leaves_the_plain_connection_alone(ends: Ends) -> None:
    """
    The copy has no thread to be ended by shutting the socket down.
    """
    settle(ends)
    child = os.fork()
    if not child:
        ends.client.packetizer.close()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    channel = Call(ends.client.open_session).result(PROMPT_S)
    channel.close()
