"""
A client that is forgotten: one warning while its connection runs, and the connection goes on.
"""

from __future__ import annotations

import gc
import os
import signal
import threading
import warnings
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import children
import pytest
from session.connection import RAISES_S, raised, rescue
from waiting import Call, wait_until

from paramiko_gate.servers.endpoint import Host

Connect = Callable[..., Any]
Warned = list[warnings.WarningMessage]


@pytest.fixture
def warned() -> Iterator[Warned]:
    """
    Return the list of all warnings that the test causes.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield caught


@pytest.fixture
def connect_unkept(
    paramiko: ModuleType, connect: Connect, proxy_command: str, host: Host, leak_check: Any
) -> Iterator[Connect]:
    """
    Return a function that connects a client to which nobody else has a reference.

    What it still runs at the end of the test is closed, once the warnings are counted.
    """
    transports: list[Any] = []

    def rescue_all() -> None:
        for transport in transports:
            rescue(transport)

    def connect_one(client_class: Any = None, **options: Any) -> Any:
        client = (client_class or paramiko.SSHClient)()
        client.load_host_keys(str(host.known_hosts))
        connect(proxy_command, client, **options)
        transports.append(client.get_transport())
        return client

    leak_check(rescue_all)
    yield connect_one
    for transport in transports:
        Call(transport.close).result(10)


def resource_warnings(warned: Warned) -> list[str]:
    """
    Return the text of each resource warning.
    """
    gc.collect()
    return [str(w.message) for w in warned if w.category is ResourceWarning]


def assert_one_warning(warned: Warned, proxy: Any) -> None:
    """
    Check that there is one warning, and that it names command and pid.
    """
    (text,) = resource_warnings(warned)
    assert "SSHClient" in text
    assert " ".join(proxy.cmd) in text
    assert str(proxy.process.pid) in text


@pytest.mark.parametrize("in_cycle", [False, True], ids=["at-once", "by-the-collector"])
def test_dropped_client_warns_once_and_its_channel_goes_on(
    connect_unkept: Connect, warned: Warned, in_cycle: bool
) -> None:
    """
    The warning names command and pid; a channel in use without the client loses nothing.
    """
    client = connect_unkept()
    transport = client.get_transport()
    proxy = transport.sock
    stdin, stdout, _ = client.exec_command("cat; exit 5")
    if in_cycle:
        client.myself = client

    del client
    gc.collect()

    assert_one_warning(warned, proxy)
    stdin.write(b"still here\n")
    assert Call(stdout.readline).result(5) == "still here\n"
    stdin.channel.shutdown_write()
    assert Call(stdout.channel.recv_exit_status).result(5) == 5
    assert transport.is_active()
    # Neither the end of the connection nor that of its proxy is told of a second time.
    Call(transport.close).result(5)
    del stdin, stdout
    assert_one_warning(warned, proxy)


def test_dropped_client_warns_when_its_authentication_was_refused(
    paramiko: ModuleType, connect: Connect, proxy_command: str, host: Host, warned: Warned
) -> None:
    """
    After a refusal the transport still runs, so that whoever forgets it is told.
    """
    client = paramiko.SSHClient()
    client.load_host_keys(str(host.known_hosts))
    with pytest.raises(paramiko.AuthenticationException):
        connect(proxy_command, client, key_filename=None, pkey=paramiko.ECDSAKey.generate())
    transport = client.get_transport()

    del client

    assert_one_warning(warned, transport.sock)
    Call(transport.close).result(5)


def test_closed_client_is_dropped_in_silence(connect_unkept: Connect, warned: Warned) -> None:
    """
    What must not change: a client that is closed says nothing, in whatever way it was closed.
    """
    client = connect_unkept()
    Call(client.close).result(5)
    del client
    with connect_unkept() as client:
        pass
    del client
    client = connect_unkept()
    Call(client.get_transport().close).result(5)
    del client
    client = connect_unkept()
    Call(client.get_transport().sock.close).result(5)
    del client

    assert resource_warnings(warned) == []


@pytest.mark.parametrize("noticed", [True, False], ids=["noticed", "just-now"])
def test_client_of_a_dead_proxy_is_dropped_in_silence(
    connect_unkept: Connect, warned: Warned, noticed: bool
) -> None:
    """
    What must not change: there is nothing left to close where the proxy has died.
    """
    client = connect_unkept()
    transport = client.get_transport()
    pid = transport.sock.process.pid

    os.kill(pid, signal.SIGKILL)
    if noticed:
        raised(Call(client.exec_command, "true"), RAISES_S)
    else:
        # It is dead when it can be waited for, whoever is the first to do so.
        try:
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        except ChildProcessError:
            pass
    del client

    assert resource_warnings(warned) == []
    transport.join(RAISES_S)


def test_client_without_proxy_is_dropped_in_silence(
    paramiko: ModuleType, host: Host, warned: Warned
) -> None:
    """
    What must not change: without a proxy command nothing is said, connected or not.
    """
    client = paramiko.SSHClient()
    client.load_host_keys(str(host.known_hosts))
    client.connect(
        host.address,
        port=host.port,
        username=host.user,
        key_filename=str(host.client_key),
        look_for_keys=False,
        allow_agent=False,
    )
    transport = client.get_transport()
    del client
    never_connected = paramiko.SSHClient()
    del never_connected
    bare = paramiko.SSHClient.__new__(paramiko.SSHClient)
    del bare

    assert resource_warnings(warned) == []
    assert transport.is_active()
    Call(transport.close).result(5)


@pytest.mark.parametrize("in_cycle", [False, True], ids=["at-once", "by-the-collector"])
def test_client_that_closes_itself_is_dropped_in_silence(
    paramiko: ModuleType, connect_unkept: Connect, warned: Warned, in_cycle: bool
) -> None:
    """
    What must not change: a class of the program's whose destructor closes works as ever.
    """

    class Closing(paramiko.SSHClient):  # type: ignore[misc, name-defined]
        def __del__(self) -> None:
            self.close()

    client = connect_unkept(Closing)
    transport = client.get_transport()
    if in_cycle:
        client.myself = client

    del client

    assert resource_warnings(warned) == []
    assert not transport.is_active()


def test_dropped_client_keeps_its_connection_when_warnings_are_errors(
    connect_unkept: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    A warning that is turned into an error goes to the hook for such, and harms nobody.
    """
    unraisable: list[Any] = []
    client = connect_unkept()
    transport = client.get_transport()

    with monkeypatch.context() as patched, warnings.catch_warnings():
        patched.setattr("sys.unraisablehook", unraisable.append)
        warnings.simplefilter("error")
        del client
        gc.collect()

    assert [u.exc_type for u in unraisable] == [ResourceWarning]
    unraisable.clear()
    assert Call(transport.open_session).result(5).active


def test_dropping_a_client_takes_no_lock(connect_unkept: Connect, warned: Warned) -> None:
    """
    The collector may strike while any lock of the connection is held, by this thread or another.
    """
    client = connect_unkept()
    transport = client.get_transport()
    child = transport.sock._adopted
    locks = [transport.lock, transport.clear_to_send_lock, child._lock, child.pipes._lock]
    held, dropped = threading.Event(), threading.Event()
    clients = [client]
    del client

    def hold() -> None:
        for lock in locks:
            lock.acquire()
        held.set()
        dropped.wait(10)
        for lock in locks:
            lock.release()

    holder = Call(hold)
    wait_until(held.is_set, 5, "all locks")
    try:
        Call(clients.clear).result(2)
    finally:
        dropped.set()
    holder.result(5)

    assert_one_warning(warned, transport.sock)


DROPS = """
    import gc, threading, time, warnings
    warnings.simplefilter("always")
    seen = []
    warnings.showwarning = lambda message, *_: seen.append(str(message))
    options = {options!r}
    known_hosts = {known_hosts!r}
    gc.set_threshold(5, 2, 2)
    busy = True

    def collect():
        while busy:
            gc.collect()
            time.sleep(0.001)

    def churn():
        for number in range(3):
            client = paramiko.SSHClient()
            client.load_host_keys(known_hosts)
            client.connect(sock=paramiko.ProxyCommand({command!r}), **options)
            client.myself = client
            transport = client.get_transport()
            _, stdout, _ = client.exec_command("echo abc; exec sleep 1")
            pid = " pid %d" % transport.sock.process.pid
            del client
            assert stdout.read(4) == b"abc\\n"
            deadline = time.monotonic() + 10
            while not any(text.endswith(pid) for text in seen):
                assert time.monotonic() < deadline, "no warning"
                time.sleep(0.001)
            transport.close()

    threads = [threading.Thread(target=churn) for _ in range(3)]
    collector = threading.Thread(target=collect, daemon=True)
    collector.start()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive()
    busy = False
    collector.join(5)
    clients = [text for text in seen if "SSHClient" in text]
    assert len(clients) == len(set(clients)) == 9, seen
    assert not [text for text in seen if "unclosed ProxyCommand" in text], seen
"""


@pytest.mark.race
def test_many_dropped_clients_warn_once_when_collected_at_any_moment(
    target: str, proxy_command: str, host: Host
) -> None:
    """
    A collector that strikes in the midst of a handshake or a read deadlocks with nothing.
    """
    options = {
        "hostname": host.address,
        "port": host.port,
        "username": host.user,
        "key_filename": str(host.client_key),
        "look_for_keys": False,
        "allow_agent": False,
    }
    children.run_program(
        DROPS.format(options=options, known_hosts=str(host.known_hosts), command=proxy_command),
        target,
    )
