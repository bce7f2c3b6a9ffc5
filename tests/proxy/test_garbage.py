"""
Garbage collection: a forgotten proxy says so once and goes; a closed or dead one goes in silence.
"""

from __future__ import annotations

import gc
import warnings
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import children
import pytest
from waiting import read_exactly, read_to_failure, wait_ended, wait_reaped, wait_until

Warned = list[warnings.WarningMessage]


@pytest.fixture
def warned() -> Iterator[Warned]:
    """
    Return the list of all warnings that the test causes.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield caught


def texts(warned: Warned) -> list[str]:
    """
    Return class and text of each warning.
    """
    return [f"{warning.category.__name__}: {warning.message}" for warning in warned]


@pytest.mark.parametrize(
    "command",
    [children.RELAY, children.STALLED, children.IGNORES_SIGTERM],
    ids=["relay", "stalled", "ignores-sigterm"],
)
def test_a_dropped_proxy_warns_once_and_its_process_goes(
    paramiko: ModuleType, warned: Warned, command: str
) -> None:
    """
    Dropping a living proxy is one ResourceWarning, ours, with command and pid; then it is ended.

    Reproduces paramiko#1127.
    """
    proxy = paramiko.ProxyCommand(command)
    proxy.settimeout(5)
    if command == children.IGNORES_SIGTERM:
        assert read_exactly(proxy, 5) == b"ready"
    pid, words = proxy.process.pid, " ".join(proxy.cmd)

    del proxy
    gc.collect()

    wait_reaped(pid)
    gc.collect()
    (text,) = texts(warned)
    assert text.startswith("ResourceWarning: ")
    assert str(pid) in text
    assert words.split()[0] in text


@pytest.mark.parametrize("was_read", [True, False], ids=["reported", "unnoticed"])
@pytest.mark.parametrize(
    "command", [children.EXITS_ZERO, children.KILLED], ids=["exits-zero", "killed"]
)
def test_a_dropped_proxy_warns_of_nothing_when_it_was_dead(
    paramiko: ModuleType, failure: Any, warned: Warned, command: str, was_read: bool
) -> None:
    """
    A proxy that is dead, whether or not anybody has noticed, may be dropped; it is reaped.
    """
    proxy = paramiko.ProxyCommand(command)
    proxy.settimeout(5)
    pid = proxy.process.pid
    wait_ended(pid)
    if was_read:
        with pytest.raises(failure):
            proxy.recv(1)

    del proxy
    gc.collect()

    wait_reaped(pid)
    assert texts(warned) == []


@pytest.mark.parametrize(
    "command", [children.RELAY, children.IGNORES_SIGTERM], ids=["relay", "ignores-sigterm"]
)
def test_a_dropped_proxy_warns_of_nothing_when_it_was_closed(
    paramiko: ModuleType, warned: Warned, command: str
) -> None:
    """
    A closed proxy may be dropped at once; its end goes on without the object.
    """
    proxy = paramiko.ProxyCommand(command)
    proxy.settimeout(5)
    if command == children.IGNORES_SIGTERM:
        assert read_exactly(proxy, 5) == b"ready"
    pid = proxy.process.pid

    proxy.close()
    del proxy
    gc.collect()

    wait_reaped(pid)
    gc.collect()
    assert texts(warned) == []


def test_a_dropped_proxy_warns_once_when_it_is_part_of_a_cycle(
    paramiko: ModuleType, warned: Warned
) -> None:
    """
    A proxy that only the collector finds is treated like any other.
    """
    proxy = paramiko.ProxyCommand(children.STALLED)
    pid = proxy.process.pid
    proxy.myself = proxy

    del proxy
    gc.collect()

    wait_reaped(pid)
    assert len(texts(warned)) == 1


def test_a_dropped_proxy_goes_when_warnings_are_errors(paramiko: ModuleType) -> None:
    """
    A warning that is turned into an error does not keep the process from being ended.
    """
    unraisable: list[Any] = []
    proxy = paramiko.ProxyCommand(children.STALLED)
    pid = proxy.process.pid

    with pytest.MonkeyPatch.context() as patched, warnings.catch_warnings():
        patched.setattr("sys.unraisablehook", unraisable.append)
        warnings.simplefilter("error")
        del proxy
        gc.collect()
        wait_reaped(pid)

    assert [u.exc_type for u in unraisable] == [ResourceWarning]
    unraisable.clear()


def test_a_failed_start_leaves_nothing_to_collect(paramiko: ModuleType, warned: Warned) -> None:
    """
    An object whose program could not be started is dropped in silence.
    """
    for command in ("no-such-relay", "", None):
        with pytest.raises((FileNotFoundError, ValueError)):
            paramiko.ProxyCommand(command)
    gc.collect()
    assert texts(warned) == []


def test_an_object_without_init_is_dropped_in_silence(paramiko: ModuleType, warned: Warned) -> None:
    """
    A bare instance, as unpickling and mocks make it, has nothing to clean up.
    """
    bare = paramiko.ProxyCommand.__new__(paramiko.ProxyCommand)
    del bare
    gc.collect()
    assert texts(warned) == []


def test_a_failure_keeps_no_proxy_alive_after_it_was_handled(
    paramiko: ModuleType, failure: Any, warned: Warned
) -> None:
    """
    A kept failure holds words and numbers; it does not hold descriptors open.
    """
    proxy = paramiko.ProxyCommand(children.exits(3))
    proxy.settimeout(5)
    error = read_to_failure(proxy, failure)[1].with_traceback(None)
    del proxy
    gc.collect()
    assert error.returncode == 3
    assert texts(warned) == []


def test_a_proxy_that_somebody_reads_is_not_garbage(paramiko: ModuleType) -> None:
    """
    A blocked read keeps its proxy; nothing ends it under the reader.
    """
    import threading

    results: list[bytes] = []

    def read() -> None:
        proxy = holder.pop()
        stdin.append(proxy.process.stdin)
        results.append(proxy.recv(3))
        proxy.close()

    holder = [paramiko.ProxyCommand(children.RELAY)]
    stdin: list[Any] = []
    thread = threading.Thread(target=read)
    thread.start()
    wait_until(lambda: stdin, 5, "the reader to start")
    gc.collect()
    stdin[0].write(b"abc")
    thread.join(5)
    assert results == [b"abc"]


@pytest.mark.race
def test_many_dropped_proxies_go_when_collected_at_any_moment(target: str) -> None:
    """
    A collector that strikes in the middle of anything, in any thread, deadlocks with nothing.
    """
    children.run_program(
        f"""
        import gc, os, socket, threading, time, warnings
        warnings.simplefilter("ignore", ResourceWarning)
        gc.set_threshold(5, 2, 2)
        pids = []

        def churn():
            for number in range(10):
                proxy = paramiko.ProxyCommand({children.RELAY!r})
                pids.append(proxy.process.pid)
                proxy.settimeout(5)
                proxy.send(b"x")
                assert proxy.recv(1) == b"x"
                proxy.myself = proxy
                if number % 2:
                    proxy.close()
                del proxy

        threads = [threading.Thread(target=churn) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(15)
            assert not thread.is_alive()
        gc.collect()
        deadline = time.monotonic() + 5
        while any(os.path.exists("/proc/%d" % pid) for pid in pids):
            assert time.monotonic() < deadline, "a dropped proxy is still there"
            time.sleep(0.01)
        """,
        target,
    )
