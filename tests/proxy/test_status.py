"""
The exit status: taken once, waited for shortly, and missed gracefully when somebody else took it.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

import children
import pytest
from waiting import Call, read_to_failure, timed, wait_ended, wait_reaped

Open = Callable[..., Any]


def test_recv_says_status_unknown_when_the_program_has_waited_for_the_child(
    open_proxy: Open, failure: Any
) -> None:
    """
    A status that somebody else took is unknown, and nobody invents one.

    Reproduces paramiko#2261.
    """
    proxy = open_proxy(children.exits(3, "abc", "no route"))
    os.waitpid(proxy.process.pid, 0)

    data, error = read_to_failure(proxy, failure)

    assert data == b"abc"
    assert error.error == "exited, status unknown: no route"
    assert error.returncode is None
    proxy.close()


def test_close_raises_nothing_when_sigchld_is_ignored(target: str) -> None:
    """
    Where the kernel reaps all children itself, death and close work all the same.

    Reproduces paramiko#2261.
    """
    children.run_program(
        f"""
        import signal
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)

        dead = paramiko.ProxyCommand({children.exits(3)!r})
        dead.settimeout(5)
        try:
            dead.recv(1)
        except paramiko.ProxyCommandFailure as error:
            assert error.error == "exited, status unknown", error.error
            assert error.returncode is None
        else:
            raise AssertionError("no failure")
        dead.close()

        alive = paramiko.ProxyCommand({children.RELAY!r})
        alive.settimeout(5)
        alive.send(b"abc")
        assert alive.recv(3) == b"abc"
        alive.close()
        alive.close()
        """,
        target,
    )


@pytest.mark.parametrize("wait", [lambda p: p.wait(5), lambda p: p.poll()], ids=["wait", "poll"])
def test_recv_knows_the_status_when_the_program_asked_the_process_object(
    open_proxy: Open, failure: Any, wait: Callable[[Any], Any]
) -> None:
    """
    A program may wait on `process` itself; the status is then known to both.
    """
    proxy = open_proxy(children.exits(3))
    wait_ended(proxy.process.pid)
    assert wait(proxy.process) == 3
    assert read_to_failure(proxy, failure)[1].returncode == 3


@pytest.mark.race
def test_recv_knows_the_status_when_another_thread_waits_for_the_process(
    open_proxy: Open, failure: Any
) -> None:
    """
    Two threads that reap at the same moment both learn the status.
    """
    proxy = open_proxy(children.exits(3))
    waiting = Call(proxy.process.wait)
    assert read_to_failure(proxy, failure)[1].returncode == 3
    assert waiting.result() == 3


def test_process_returncode_is_set_when_death_was_reported(open_proxy: Open, failure: Any) -> None:
    """
    After the failure the status stands on the process object too.
    """
    proxy = open_proxy(children.exits(3))
    read_to_failure(proxy, failure)
    assert proxy.process.returncode == 3


@pytest.mark.race
def test_recv_waits_for_the_status_when_the_output_ends_first(
    open_proxy: Open, failure: Any
) -> None:
    """
    A proxy that exits right after it closed its output is reported with its status.
    """
    proxy = open_proxy(children.python("import os; os.close(1); os._exit(7)"))
    assert read_to_failure(proxy, failure)[1].error == "exited with status 7"


def test_recv_waits_for_the_status_no_longer_than_it_must(open_proxy: Open, failure: Any) -> None:
    """
    A process that runs on after it closed its output delays the report by a tenth of a second.
    """
    proxy = open_proxy(children.sh("echo x; exec >&-; exec cat >/dev/null"))
    assert proxy.recv(1) == b"x"
    assert timed(read_to_failure, proxy, failure) < 0.5


def test_recv_names_the_signal_when_a_stopped_proxy_is_killed(
    open_proxy: Open, failure: Any
) -> None:
    """
    A stop is no death; the kill after it is.
    """
    proxy = open_proxy(children.RELAY, timeout_s=None)
    read = Call(proxy.recv, 1)
    os.kill(proxy.process.pid, signal.SIGSTOP)
    assert read.blocks()
    os.kill(proxy.process.pid, signal.SIGKILL)
    with pytest.raises(failure, match="SIGKILL"):
        read.result()


@pytest.mark.race
def test_recv_reaps_the_proxy_when_it_reports_its_death(open_proxy: Open, failure: Any) -> None:
    """
    No zombie is left by a death that was reported, with or without a close.

    Reproduces paramiko#2568.
    """
    proxy = open_proxy(children.exits(3))
    read_to_failure(proxy, failure)
    wait_reaped(proxy.process.pid)
