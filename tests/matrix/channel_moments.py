"""
Rows of the matrix: blocked in a call of a channel, or of a file of one.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

from matrix.faults import DRIPS, STALLS, WRITE
from matrix.moment import Moment, within
from matrix.scene import ECHO, ECHO_TO_STDERR, MORE, PIPE_SIZE_BYTES, SWALLOW, Scene
from matrix.transport_moments import session_opened

#: One more than ever fits: the server allows two megabytes, and asks for more in time.
FILL_BYTES = 32768

#: Together more than the limit that callers set, and less than it may be late.
SILENCE_S, SILENCES = 0.2, 3


def echoing(scene: Scene) -> Any:
    """Run a command that has printed "ab"; what it prints next is held back."""
    return more_held(scene, scene.running(ECHO))


def echoing_to_stderr(scene: Scene) -> Any:
    """Do the same on standard error."""
    return more_held(scene, scene.running(ECHO_TO_STDERR))


def more_held(scene: Scene, channel: Any) -> Any:
    """Make an echo print, and hold it back."""
    scene.stand_in.do("hold")
    channel.sendall(MORE)
    return channel


def file_of_ending(scene: Scene) -> Any:
    """Return the output file of an echo that has printed "ab"; the rest and its end are held."""
    channel = scene.running(ECHO)
    scene.stand_in.do("hold")
    channel.sendall(MORE)
    channel.shutdown_write()
    scene.file = channel.makefile("rb")
    return scene.file


def ending(scene: Scene) -> Any:
    """Run a command that has ended with status 0, which is held back; its output is read."""
    channel = scene.running(ECHO)
    assert channel.recv(2) == b"ab"
    scene.stand_in.do("hold")
    channel.shutdown_write()
    return channel


def window_full(scene: Scene) -> Any:
    """Send until the server's window is full; that there is room again is held back."""
    channel = scene.running(SWALLOW)
    scene.stand_in.do("hold")
    channel.setblocking(False)
    try:
        while True:
            channel.send(bytes(FILL_BYTES))
    except socket.timeout:
        channel.setblocking(True)
    return channel


def file_with_window_full(scene: Scene) -> Any:
    """Return the input file of such a channel."""
    scene.file = window_full(scene).makefile_stdin("wb")
    return scene.file


def pipe_unread(scene: Scene) -> Any:
    """Run a command whose proxy does not read its input any more."""
    channel = scene.running(SWALLOW)
    scene.stand_in.do("hold-input")
    return channel


def recv(channel: Any) -> Any:
    """Receive what has arrived, then wait."""
    return [channel.recv(2), channel.recv(100)]


def recv_with_keepalive(channel: Any) -> Any:
    """Do the same with an end to the patience for a silent server."""
    channel.get_transport().set_keepalive(SILENCE_S, SILENCES)
    return recv(channel)


def recv_stderr(channel: Any) -> Any:
    """Do the same on standard error."""
    return [channel.recv_stderr(2), channel.recv_stderr(100)]


def iterate(file: Any) -> Any:
    """Collect the lines of a file."""
    return list(file)


def reading(name: str, call: Callable[[Any], Any], value: Any) -> Moment:
    """Make the row of a file-like read, which has taken "ab" when it blocks."""
    return Moment(name, file_of_ending, call, value, within_file(call), partial=b"ab")


def within_file(call: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return the same call on a file under a time limit of its channel."""
    limited = within(lambda _: None)

    def both(file: Any) -> Any:
        limited(file.channel)
        return call(file)

    return both


def write(file: Any) -> Any:
    """Write one byte through a file."""
    return file.write(b"x")


def send(channel: Any) -> Any:
    """Send one byte."""
    return channel.send(b"x")


def sendall(channel: Any) -> Any:
    """Send more than one message."""
    return channel.sendall(bytes(2 * FILL_BYTES))


def sendall_to_pipe(channel: Any) -> Any:
    """Send more than the pipe to the proxy takes."""
    return channel.sendall(bytes(PIPE_SIZE_BYTES))


def exec_command(channel: Any) -> Any:
    """Ask for a command."""
    return channel.exec_command("true")


def invoke_shell(channel: Any) -> Any:
    """Ask for a shell."""
    return channel.invoke_shell()


def invoke_subsystem(channel: Any) -> Any:
    """Ask for a subsystem."""
    return channel.invoke_subsystem("sftp")


def wait_status(channel: Any) -> Any:
    """Wait for the exit status."""
    return channel.recv_exit_status()


CHANNEL_MOMENTS = [
    Moment("recv", echoing, recv, [b"ab", MORE], within(recv), real=True),
    Moment(
        "recv-with-keepalive",
        echoing,
        recv_with_keepalive,
        [b"ab", MORE],
        limited=recv_with_keepalive,
        on_limit="ProxyCommandFailure",
        faults=(*STALLS, DRIPS),
    ),
    Moment("recv_stderr", echoing_to_stderr, recv_stderr, [b"ab", MORE], within(recv_stderr)),
    Moment("send-window-full", window_full, send, 1, within(send)),
    Moment("sendall-window-full", window_full, sendall, None, within(sendall)),
    Moment("sendall-pipe-full", pipe_unread, sendall_to_pipe, None, faults=WRITE, answered=False),
    reading("file-read", lambda file: file.read(), b"ab" + MORE),
    reading("file-read-sized", lambda file: file.read(100), b"ab" + MORE),
    reading("file-readline", lambda file: file.readline(), b"ab" + MORE),
    reading("file-readlines", lambda file: file.readlines(), [b"ab" + MORE]),
    reading("file-iteration", iterate, [b"ab" + MORE]),
    Moment("file-write", file_with_window_full, write, None, within_file(write)),
    Moment("recv_exit_status", ending, wait_status, 0, real=True),
    Moment("exec_command", session_opened, exec_command, None, real=True),
    Moment("invoke_shell", session_opened, invoke_shell, None),
    Moment("invoke_subsystem", session_opened, invoke_subsystem, None),
]
