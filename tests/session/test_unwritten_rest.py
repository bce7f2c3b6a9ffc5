"""
A time limit in the middle of a write: nothing is lost, and nothing is sent twice.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import children
import pytest
from waiting import Call

#: More than the windows and pipes on the way take while nobody reads.
SIZE_BYTES = 6_000_000

#: Long enough to fill all of them, and no longer than a test may take.
LIMIT_S = 2.0


@pytest.mark.slow
@pytest.mark.fault
@pytest.mark.parametrize("buffering", [10_000_000, 1], ids=["buffer", "lines"])
def test_flush_after_a_time_limit_sends_only_the_rest(
    open_connection: Callable[..., Any], buffering: int
) -> None:
    """
    The far side stops to read for a while, the writer gives up, and tries again later.

    What arrives is counted there, and each line says which one it is.
    """
    connection = open_connection()
    channel = connection.transport.open_session()
    channel.exec_command("sleep 3; cat")
    channel.settimeout(LIMIT_S)
    lines = b"".join(b"%07d\n" % number for number in range(SIZE_BYTES // 8))
    file = channel.makefile_stdin("wb", buffering)

    with pytest.raises(socket.timeout):
        file.write(lines)
        file.flush()
    channel.settimeout(20)
    received = Call(_read_to_end, channel)
    Call(file.flush).result(20)
    channel.shutdown_write()

    assert received.result(20) == lines


@pytest.mark.fault
def test_stderr_file_keeps_only_the_rest_after_a_time_limit(
    open_connection: Callable[..., Any],
) -> None:
    """
    OpenSSH takes no more of it than its window: what the file keeps begins where that ended.
    """
    channel = open_connection().transport.open_session()
    channel.exec_command("exec cat >/dev/null")
    file = channel.makefile_stderr("wb", 10_000_000)
    data = b"".join(b"%07d\n" % number for number in range(SIZE_BYTES // 8))
    window = channel.out_window_size
    channel.settimeout(LIMIT_S)
    file.write(data)
    with pytest.raises(socket.timeout):
        file.flush()
    sent = window - channel.out_window_size
    assert sent
    assert file._wbuffer.getvalue() == data[sent:]


def _read_to_end(channel: Any) -> bytes:
    received = bytearray()
    while data := channel.recv(65536):
        received += data
    return bytes(received)


@pytest.mark.fault
@pytest.mark.parametrize("base", ["Exception", "TimeoutError"])
def test_file_whose_write_a_handler_cut_refuses_the_next(
    target: str, client_source: Callable[[str], str], base: str
) -> None:
    """
    Nobody knows what was sent, so no byte is sent twice; the session and its other files go on.

    Stock's session does not survive it.
    """
    source = f"class Limit({base}): pass" + client_source(
        """
        def exceed(*_):
            raise Limit("time is up")
        signal.signal(signal.SIGALRM, exceed)
        client = connect()
        proxy = client.get_transport().sock
        stdin, stdout, _ = client.exec_command("cat")
        channel = stdout.channel
        file = channel.makefile("wb", 10_000_000)
        lines = b"".join(b"%07d\\n" % number for number in range(500_000))
        os.kill(proxy.process.pid, signal.SIGSTOP)
        signal.setitimer(signal.ITIMER_REAL, 1)
        told = []
        try:
            # It leaves the block as it is: closing the file adds nothing.
            with file:
                try:
                    file.write(lines)
                    file.flush()
                finally:
                    try:
                        file.write(lines)
                        file.flush()
                    except Limit:
                        raise AssertionError("it blocks again")
                    except OSError as error:
                        told.append(str(error))
        except Limit as limit:
            assert str(limit) == "time is up"
        else:
            raise AssertionError("not cut short")
        assert told and "cut short" in told[0], told
        os.kill(proxy.process.pid, signal.SIGCONT)

        channel.settimeout(20)
        channel.shutdown_write()
        received = stdout.read()
        assert lines.startswith(received) and received, len(received)
        assert client.exec_command("echo next")[1].read() == b"next\\n"
        client.close()
        """
    )
    children.run_program(source, target)
