"""
stderr: always drained, its end kept, its own end never waited for.
"""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import children
import pytest
from waiting import (
    PROMPT_S,
    QUICK_CLOSE_S,
    Call,
    is_running,
    read_exactly,
    read_to_failure,
    timed,
    wait_ended,
    wait_reaped,
    wait_until,
)

Open = Callable[..., Any]

TAIL_SIZE_BYTES = 65_536

#: Of memory in the program, for all that is kept of stderr and read ahead of output.
MEMORY_BUDGET_BYTES = 131_072


def complains(size_bytes: int, then: str) -> str:
    """
    Return a proxy that writes numbered words to stderr, then runs one more line of Python.
    """
    return children.python(
        f"""
        import os, sys, time
        left = memoryview(b"".join(b"%07d " % number for number in range({size_bytes} // 8)))
        while left:
            left = left[os.write(2, left):]
        {then}
        """
    )


def test_recv_gets_the_output_when_stderr_is_flooded_first(open_proxy: Open) -> None:
    """
    Ten megabytes on stderr do not keep a proxy from its work.
    """
    proxy = open_proxy(complains(10 << 20, "os.write(1, b'done'); sys.stdin.read()"), timeout_s=20)
    assert read_exactly(proxy, 4, timeout_s=20) == b"done"


def test_endless_stderr_is_read_at_a_bounded_rate(
    open_proxy: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    A pipe full at a time, some fifty times a second; as fast as it comes would take a core.
    """
    sizes: list[int] = []
    read = os.read

    def read_and_note(descriptor: int, size: int) -> bytes:
        sizes.append(size)
        return read(descriptor, size)

    monkeypatch.setattr(os, "read", read_and_note)
    proxy = open_proxy("yes >&2 & exec sleep 60", timeout_s=1, shell=True)
    with pytest.raises(socket.timeout):
        proxy.recv(1)
    assert 0 < len(sizes) <= 150


def test_data_passes_while_stderr_is_endless(open_proxy: Open) -> None:
    """
    What must not change: it has its own turn, and neither waits for the other.
    """
    proxy = open_proxy("yes >&2 & exec cat", timeout_s=20, shell=True)
    for number in range(100):
        word = b"%06d" % number
        proxy.send(word)
        assert read_exactly(proxy, len(word), timeout_s=20) == word


def test_stderr_is_drained_when_only_closed_is_asked(open_proxy: Open, tmp_path: Path) -> None:
    """
    A chatty proxy gets on while the program neither reads nor writes, and only looks at `closed`.
    """
    done = tmp_path / "done"
    proxy = open_proxy(complains(1 << 20, f"open({str(done)!r}, 'w').close(); sys.stdin.read()"))
    wait_until(lambda: proxy.closed or done.exists(), 10, "a megabyte to be written to stderr")
    assert not proxy.closed


@pytest.mark.parametrize("direction", ["recv", "send"])
def test_stderr_is_drained_when_another_thread_waits(
    open_proxy: Open, tmp_path: Path, direction: str
) -> None:
    """
    Whoever waits for the proxy, in either direction and without limit, keeps its stderr flowing.
    """
    done = tmp_path / "done"
    then = f"open({str(done)!r}, 'w').close(); time.sleep(60)"
    proxy = open_proxy(complains(1 << 20, then), timeout_s=None)
    waiting = Call(proxy.recv, 1) if direction == "recv" else Call(send_for_ever, proxy)
    wait_until(done.exists, 10, "a megabyte to be written to stderr")
    proxy.close()
    waiting.wait(PROMPT_S)


def send_for_ever(proxy: Any) -> None:
    """
    Send until the proxy is closed.
    """
    while True:
        proxy.send(b"x" * 65536)


def test_send_gets_through_when_the_proxy_complains_before_it_reads(open_proxy: Open) -> None:
    """
    A program that sends first and reads later is not held up by a chatty proxy.
    """
    proxy = open_proxy(
        complains(1 << 20, "os.write(1, b'%d' % len(sys.stdin.buffer.read(200_000)))"),
        timeout_s=10,
    )
    left = memoryview(b"x" * 200_000)
    while left:
        left = left[proxy.send(left) :]
    assert read_exactly(proxy, 6) == b"200000"


def test_failure_keeps_the_last_64_kib_of_stderr(open_proxy: Open, failure: Any) -> None:
    """
    What is kept of a long stderr is exactly its end.
    """
    error = read_to_failure(open_proxy(complains(1 << 20, "os._exit(1)")), failure)[1]
    text = b"".join(b"%07d " % number for number in range((1 << 20) // 8))
    assert error.stderr == text[-TAIL_SIZE_BYTES:]


def test_recv_works_when_the_proxy_closes_stderr(open_proxy: Open, failure: Any) -> None:
    """
    The end of stderr is the end of nothing else.
    """
    proxy = open_proxy(children.sh("exec 2>&-; echo x; cat; exit 4"))
    assert read_exactly(proxy, 2) == b"x\n"
    proxy.send(b"abc")
    assert read_exactly(proxy, 3) == b"abc"
    proxy.process.stdin.close()
    assert read_to_failure(proxy, failure)[1].error == "exited with status 4"


def test_death_and_close_are_quick_when_a_descendant_holds_stderr(
    open_proxy: Open, failure: Any
) -> None:
    """
    Nobody waits for the end of stderr, and a daemon that holds it is left alone.
    """
    proxy = open_proxy(
        children.sh("sleep 60 </dev/null >/dev/null & echo $!; echo words >&2; exit 255")
    )
    wait_ended(proxy.process.pid)
    started = time.monotonic()
    data, error = read_to_failure(proxy, failure)
    assert time.monotonic() - started < PROMPT_S
    assert error.error == "exited with status 255: words"

    holder = int(data)
    try:
        assert timed(proxy.close) < QUICK_CLOSE_S
        wait_reaped(proxy.process.pid)
        assert is_running(holder)
    finally:
        os.kill(holder, signal.SIGKILL)


def test_close_is_quick_when_a_descendant_of_a_living_proxy_holds_stderr(open_proxy: Open) -> None:
    """
    Close of a relay in good health leaves alone the daemon that it has started.
    """
    proxy = open_proxy(
        children.sh("(setsid sleep 60 </dev/null >/dev/null & echo $!); exec cat"), timeout_s=5
    )
    holder = int(read_until_newline(proxy))
    try:
        assert timed(proxy.close) < QUICK_CLOSE_S
        wait_reaped(proxy.process.pid)
        assert is_running(holder)
    finally:
        os.kill(holder, signal.SIGKILL)


def read_until_newline(proxy: Any) -> bytes:
    """
    Return the first line that a proxy writes, without its end.
    """
    line = b""
    while not line.endswith(b"\n"):
        line += read_exactly(proxy, 1)
    return line[:-1]


def test_memory_stays_small_when_stderr_is_flooded_and_output_waits(target: str) -> None:
    """
    What one proxy holds of stderr and of unread output is at most 128 KiB.
    """
    command = complains(10 << 20, "os.write(1, b'x' * 60_000); sys.stdin.read()")
    held_bytes = int(
        children.run_program(
            f"""
            import gc, tracemalloc
            with paramiko.ProxyCommand({children.RELAY!r}) as warm:
                warm.send(b"x")
                warm.recv(1)
            gc.collect()
            tracemalloc.start()
            before = tracemalloc.get_traced_memory()[0]
            proxy = paramiko.ProxyCommand({command!r})
            proxy.settimeout(20)
            proxy.recv(1)
            gc.collect()
            print(tracemalloc.get_traced_memory()[0] - before)
            proxy.close()
            """,
            target,
        )
    )
    assert held_bytes <= MEMORY_BUDGET_BYTES
