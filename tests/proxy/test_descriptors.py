"""
Descriptors: any number works, none is inherited, none is left.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import children
import pytest
from waiting import Call, read_exactly, read_to_failure, wait_reaped

Open = Callable[..., Any]


def pipes_of(pid: int | str) -> set[str]:
    """
    Return the names of the pipes that a process holds.
    """
    names = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        try:
            names.add(os.readlink(entry))
        except FileNotFoundError:
            continue
    return {name for name in names if name.startswith("pipe:")}


def pipes_of_proxy(proxy: Any) -> set[str]:
    """
    Return the names of the pipes between us and a proxy.
    """
    streams = (proxy.process.stdin, proxy.process.stdout, proxy.process.stderr)
    return {os.readlink(f"/proc/self/fd/{stream.fileno()}") for stream in streams}


def test_everything_works_with_descriptors_above_1024(target: str) -> None:
    """
    A program with many open files can use proxies all the same.

    Reproduces paramiko#1189.
    """
    children.run_program(
        f"""
        import os, resource, socket
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (2048, hard))
        held = [os.open(os.devnull, os.O_RDONLY) for _ in range(1100)]

        proxy = paramiko.ProxyCommand({children.RELAY!r})
        assert proxy.process.stdout.fileno() > 1024
        proxy.settimeout(5)
        assert proxy.send(b"abc") == 3
        assert proxy.recv(3) == b"abc"
        proxy.settimeout(0.05)
        try:
            proxy.recv(1)
            raise AssertionError("no timeout")
        except socket.timeout:
            pass
        proxy.close()
        assert proxy.recv(1) == b""

        stalled = paramiko.ProxyCommand({children.STALLED!r})
        stalled.settimeout(0.05)
        try:
            for _ in range(100):
                stalled.send(b"x" * 65536)
            raise AssertionError("no timeout")
        except socket.timeout:
            pass
        stalled.close()

        dead = paramiko.ProxyCommand({children.exits(3, "", "words")!r})
        dead.settimeout(5)
        try:
            dead.recv(1)
            raise AssertionError("no failure")
        except paramiko.ProxyCommandFailure as error:
            assert error.error == "exited with status 3: words", error.error
        """,
        target,
    )


def test_no_descriptor_of_a_proxy_is_inheritable(open_proxy: Open) -> None:
    """
    Everything that a new proxy opens in this process is closed on exec.
    """
    before = set(os.listdir("/proc/self/fd"))
    proxy = open_proxy(children.RELAY)
    opened = set(os.listdir("/proc/self/fd")) - before
    assert str(proxy.process.stdout.fileno()) in opened
    inheritable = []
    for number in map(int, opened):
        try:
            if os.get_inheritable(number):
                inheritable.append(number)
        except OSError:
            continue  # the descriptor that listed the folder
    assert inheritable == []


def test_an_executed_program_holds_no_descriptor_of_a_proxy(open_proxy: Open) -> None:
    """
    A program that is executed with `close_fds=False` has none of the pipes.
    """
    proxy = open_proxy(children.RELAY)
    other = subprocess.Popen(["sleep", "60"], close_fds=False)
    try:
        assert pipes_of(other.pid) & pipes_of_proxy(proxy) == set()
    finally:
        other.kill()
        other.wait(5)


def test_a_second_proxy_holds_no_descriptor_of_the_first(open_proxy: Open) -> None:
    """
    Each proxy has its own pipes, so that closing one is felt at once.
    """
    first, second = open_proxy(children.RELAY), open_proxy(children.RELAY)
    for proxy in (first, second):
        proxy.send(b"x")
        read_exactly(proxy, 1)
    assert pipes_of(second.process.pid) & pipes_of_proxy(first) == set()
    assert pipes_of(second.process.pid) == pipes_of_proxy(second)
    assert pipes_of(first.process.pid) == pipes_of_proxy(first)


def test_the_proxy_gets_blocking_streams(open_proxy: Open, failure: Any) -> None:
    """
    Whatever mode our own ends are in, the program at the other end finds blocking pipes.
    """
    proxy = open_proxy(
        children.python("import os; os.write(1, b'%d%d%d' % (*map(os.get_blocking, range(3)),))")
    )
    assert read_to_failure(proxy, failure)[0] == b"111"


def test_twenty_closed_proxies_hold_no_descriptor_while_they_are_referenced(
    open_proxy: Open,
) -> None:
    """
    Close itself frees the descriptors, not the collector.

    Reproduces paramiko#1715.
    """
    before = set(os.listdir("/proc/self/fd"))
    proxies = [open_proxy(children.RELAY) for _ in range(20)]
    for proxy in proxies:
        proxy.close()
    for proxy in proxies:
        wait_reaped(proxy.process.pid)
    assert set(os.listdir("/proc/self/fd")) == before


def test_close_closes_the_file_objects(open_proxy: Open) -> None:
    """
    After close `stdin`, `stdout` and `stderr` of the process are closed file objects.
    """
    proxy = open_proxy(children.RELAY)
    proxy.close()
    wait_reaped(proxy.process.pid)
    process = proxy.process
    assert [s.closed for s in (process.stdin, process.stdout, process.stderr)] == [True] * 3


def test_failed_starts_hold_no_descriptor(paramiko: ModuleType) -> None:
    """
    A program that cannot be started leaves nothing open, though its errors are kept.
    """
    before = set(os.listdir("/proc/self/fd"))
    kept = []
    for _ in range(20):
        with pytest.raises(FileNotFoundError) as caught:
            paramiko.ProxyCommand("no-such-relay")
        kept.append(caught)
    assert set(os.listdir("/proc/self/fd")) == before


def test_init_leaves_nothing_when_descriptors_run_out(target: str) -> None:
    """
    A start that fails for want of descriptors, at whichever one, leaves none and no child.
    """
    children.run_program(
        f"""
        import gc, os, resource, sys, threading, time
        import psutil

        def settled(wanted=None):
            # Returns how many descriptors are open, or what is not as wanted after five seconds.
            # No child is left, not even a zombie, and no thread that has something to close.
            deadline = time.monotonic() + 5
            while True:
                others = psutil.Process().children() + threading.enumerate()[1:]
                gc.collect()
                count = len(os.listdir("/proc/self/fd")) - 1
                if not others and wanted in (None, count):
                    return count
                if time.monotonic() >= deadline:
                    return others, count
                time.sleep(0.005)

        with paramiko.ProxyCommand({children.RELAY!r}) as warm:
            warm.send(b"x")
        before = settled()
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        outcomes = []
        for spare in range(1, 20):
            resource.setrlimit(resource.RLIMIT_NOFILE, (before + spare, hard))
            try:
                proxy = paramiko.ProxyCommand({children.RELAY!r})
            except OSError:
                outcomes.append("refused")
            else:
                proxy.settimeout(5)
                proxy.send(b"abc")
                assert proxy.recv(3) == b"abc"
                proxy.close()
                outcomes.append("worked")
            resource.setrlimit(resource.RLIMIT_NOFILE, (1024, hard))
            if outcomes[-1] == "refused" and sys.version_info < (3, 11, 4):
                # The standard library's own start leaks what it had opened (gh-87474).
                before = settled()
            assert settled(before) == before, (settled(before), before, outcomes)
        assert outcomes[0] == "refused" and outcomes[-1] == "worked", outcomes
        """,
        target,
    )


def test_everything_works_when_the_program_has_no_standard_streams(target: str) -> None:
    """
    A daemon that has closed 0, 1 and 2 gets those numbers for the pipes, and they work.
    """
    children.run_program(
        f"""
        import os
        os.closerange(0, 3)
        status = 1
        try:
            proxy = paramiko.ProxyCommand({children.sh("echo words >&2; cat; exit 3")!r})
            proxy.settimeout(5)
            proxy.send(b"abc")
            assert proxy.recv(3) == b"abc"
            proxy.process.stdin.close()
            try:
                proxy.recv(1)
            except paramiko.ProxyCommandFailure as error:
                assert error.error == "exited with status 3: words", error.error
                status = 0
            proxy.close()
        finally:
            os._exit(status)
        """,
        target,
    )


@pytest.mark.race
def test_no_descriptor_is_left_when_proxies_live_and_die_in_many_threads(open_proxy: Open) -> None:
    """
    Starts, deaths and closes in parallel leave this process as it was; the leak check says so.
    """

    def churn(seed: int) -> None:
        for number in range(4):
            command = [children.RELAY, children.exits(3), children.STALLED][(seed + number) % 3]
            proxy = open_proxy(command)
            if command == children.RELAY:
                proxy.send(b"x")
                assert proxy.recv(1) == b"x"
            proxy.close()

    calls = [Call(churn, seed) for seed in range(4)]
    for call in calls:
        call.result(20)
