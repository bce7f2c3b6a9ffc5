"""
Subclasses: those that call our `__init__`, and those that set three attributes and nothing else.
"""

from __future__ import annotations

import gc
import socket
import subprocess
import warnings
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import children
import pytest
from waiting import (
    CLOSE_S,
    PROMPT_S,
    Call,
    read_exactly,
    read_to_failure,
    timed,
    wait_ended,
    wait_reaped,
    wait_until,
)

Start = Callable[..., Any]


@pytest.fixture
def bare(paramiko: ModuleType) -> type[Any]:
    """
    Return a class as users write them: its own start, and just `cmd`, `process` and `timeout`.
    """

    class BareProxyCommand(paramiko.ProxyCommand):  # type: ignore[misc, name-defined]
        def __init__(self, words: list[str], **options: Any) -> None:
            self.cmd = words
            self.process = subprocess.Popen(
                words,
                **{
                    "stdin": subprocess.PIPE,
                    "stdout": subprocess.PIPE,
                    "stderr": subprocess.PIPE,
                    "bufsize": 0,
                    **options,
                },
            )
            self.timeout = None

    return BareProxyCommand


@pytest.fixture
def start(bare: type[Any], leak_check: Callable[[Callable[[], None]], None]) -> Iterator[Start]:
    """
    Return a function that starts such a proxy; what it started is closed after the test.
    """
    started: list[Any] = []

    def start_one(words: list[str], timeout_s: float | None = 5.0, **options: Any) -> Any:
        proxy = bare(words, **options)
        started.append(proxy)
        leak_check(lambda: rescue(proxy))
        proxy.settimeout(timeout_s)
        return proxy

    yield start_one
    for proxy in started:
        proxy.close()


def rescue(proxy: Any) -> None:
    """
    End a proxy that its library has leaked.
    """
    proxy.process.kill()
    proxy.process.wait(1)


#: Ways in which subclasses open their pipes.
PIPES = {
    "unbuffered": {},
    "buffered": {"bufsize": -1},
    "without-stderr": {"stderr": None},
    "stderr-to-devnull": {"stderr": subprocess.DEVNULL},
}


@pytest.mark.parametrize("options", PIPES.values(), ids=PIPES)
def test_bare_subclass_relays_and_closes(start: Start, options: dict[str, Any]) -> None:
    """
    Send, recv, time limits and close work without our `__init__` having run.
    """
    proxy = start(["cat"], **options)
    assert proxy.send(b"abc") == 3
    assert read_exactly(proxy, 3) == b"abc"
    assert (proxy.closed, proxy._closed) == (False, False)
    proxy.settimeout(0.05)
    with pytest.raises(socket.timeout):
        proxy.recv(1)
    proxy.close()
    assert (proxy.closed, proxy._closed) == (True, True)
    assert proxy.recv(1) == b""
    wait_reaped(proxy.process.pid)


@pytest.mark.parametrize("options", PIPES.values(), ids=PIPES)
def test_bare_subclass_reports_death_with_the_reason(
    start: Start, failure: Any, options: dict[str, Any]
) -> None:
    """
    Bytes, then the status, then stderr as far as there is a pipe for it.
    """
    proxy = start(["sh", "-c", "printf abc; echo words >&2; exit 3"], **options)
    data, error = read_to_failure(proxy, failure)
    assert data == b"abc"
    has_pipe = "stderr" not in options
    assert error.error == "exited with status 3" + (": words" if has_pipe else "")
    assert error.returncode == 3


def test_bare_subclass_has_its_stderr_drained(start: Start) -> None:
    """
    A chatty proxy of a bare subclass does not freeze.
    """
    proxy = start(["sh", "-c", "head -c 1000000 /dev/zero >&2; echo done; exec cat"])
    assert read_exactly(proxy, 5) == b"done\n"


def test_bare_subclass_is_woken_by_close(start: Start) -> None:
    """
    A blocked read of a bare subclass is woken by close from another thread.
    """
    proxy = start(["cat"], timeout_s=None)
    read = Call(proxy.recv, 1)
    assert read.blocks()
    proxy.close()
    assert read.result() == b""


def test_bare_subclass_can_be_closed_before_anything_else(start: Start) -> None:
    """
    Close may be the first call that a bare subclass ever gets.
    """
    proxy = start(["sleep", "60"])
    assert timed(proxy.close) < CLOSE_S
    wait_reaped(proxy.process.pid)


def test_bare_subclass_becomes_closed_by_itself(start: Start) -> None:
    """
    The death of a bare subclass's process shows without anybody polling it.
    """
    proxy = start(["true"])
    wait_until(lambda: proxy.closed, PROMPT_S, "closed to be true")


@pytest.mark.race
def test_bare_subclass_works_when_two_threads_make_its_first_calls(start: Start) -> None:
    """
    What the library adds on first use is added once, whoever comes first.
    """
    proxy = start(["cat"])
    calls = [Call(proxy.recv, 3), Call(proxy.send, b"abc")]
    assert [call.result() for call in calls] == [b"abc", 3]
    for call in [Call(proxy.close) for _ in range(4)]:
        call.result()
    wait_reaped(proxy.process.pid)


@pytest.mark.parametrize("was_used", [True, False], ids=["used", "unused"])
def test_dropped_bare_subclass_leaves_nothing(bare: type[Any], was_used: bool) -> None:
    """
    A bare subclass that is dropped alive warns once, and its process goes.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        proxy = bare(["cat"])
        pid = proxy.process.pid
        if was_used:
            proxy.send(b"abc")
            assert proxy.recv(3) == b"abc"
        del proxy
        gc.collect()
        wait_reaped(pid)
        gc.collect()
    assert [warning.category for warning in caught] == [ResourceWarning]
    assert str(pid) in str(caught[0].message)


def test_subclass_may_extend_every_method(paramiko: ModuleType) -> None:
    """
    A subclass that calls the base for everything works like the base.
    """
    log: list[str] = []

    class LoggingProxyCommand(paramiko.ProxyCommand):  # type: ignore[misc, name-defined]
        def __init__(self, command_line: str) -> None:
            super().__init__(command_line)
            log.append("init")

        def send(self, content: bytes) -> Any:
            log.append("send")
            return super().send(content)

        def recv(self, size: int) -> Any:
            log.append("recv")
            return super().recv(size)

        def close(self) -> None:
            log.append("close")
            super().close()

        def settimeout(self, timeout: float | None) -> None:
            log.append("settimeout")
            super().settimeout(timeout)

    with LoggingProxyCommand(children.RELAY) as proxy:
        proxy.settimeout(5)
        proxy.send(b"abc")
        assert proxy.recv(3) == b"abc"
    wait_reaped(proxy.process.pid)
    assert log == ["init", "settimeout", "send", "recv", "close"]


def test_subclass_may_set_attributes_before_it_calls_init(paramiko: ModuleType) -> None:
    """
    The order in which a subclass fills itself does not matter.
    """

    class EagerProxyCommand(paramiko.ProxyCommand):  # type: ignore[misc, name-defined]
        def __init__(self, command_line: str) -> None:
            self.bastion = "one"
            super().__init__(command_line)
            self.timeout = 5.0

    with EagerProxyCommand(children.RELAY) as proxy:
        proxy.send(b"abc")
        assert proxy.recv(3) == b"abc"
        assert proxy.bastion == "one"
    wait_reaped(proxy.process.pid)


def test_timeout_set_as_an_attribute_counts(start: Start) -> None:
    """
    A subclass or a caller may set `timeout` itself instead of calling `settimeout`.
    """
    proxy = start(["cat"])
    proxy.timeout = 0.05
    with pytest.raises(socket.timeout):
        Call(proxy.recv, 1).result()


def test_subclass_that_replaces_the_process_leaves_neither(
    paramiko: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    A subclass that starts its own process after ours uses and ends its own, and ours goes too.
    """

    class TwiceProxyCommand(paramiko.ProxyCommand):  # type: ignore[misc, name-defined]
        process: Any

        def __init__(self, command_line: str) -> None:
            super().__init__(command_line)
            self.first_pid = self.process.pid
            self.process = subprocess.Popen(
                ["sh", "-c", "cat; exit 5"],
                bufsize=0,
                stderr=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stdin=subprocess.PIPE,
            )

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        proxy = TwiceProxyCommand(children.RELAY)
        proxy.settimeout(5)
        proxy.send(b"abc")
        assert read_exactly(proxy, 3) == b"abc"
        proxy.close()
        wait_reaped(proxy.process.pid)
        wait_ended(proxy.first_pid)
        del proxy
        gc.collect()
