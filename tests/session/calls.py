"""
Calls that a session test makes on a connection, and what they return.

Imports no paramiko of any name.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from session.connection import Connection

DATA = bytes(range(256)) * 160


class Scene(NamedTuple):
    """
    What the calls are made on: a connection, and what was opened over it.
    """

    connection: Connection
    folder: Path
    channel: Any
    sftp: Any
    file: Any

    @property
    def data(self) -> str:
        """
        Return the path of a file that holds `DATA`.
        """
        return str(self.folder / "data")

    @property
    def other(self) -> str:
        """
        Return the path of a file that may be written.
        """
        return str(self.folder / "other")


def echo_line(scene: Scene) -> bytes:
    """
    Send a line through file objects and read it back.
    """
    with scene.channel.makefile("wb") as writer, scene.channel.makefile("rb") as reader:
        writer.write(b"abc\n")
        writer.flush()
        line: bytes = reader.readline()
    return line


def run_command(scene: Scene) -> int:
    """
    Run a command and return its exit status.
    """
    # Input is not dropped at once, which would close it: if that met the command's end, the server
    # would hear of a channel that it had closed, and hang up, as it does with stock.
    stdin, stdout, _ = scene.connection.client.exec_command("exit 3")
    status: int = stdout.channel.recv_exit_status()
    del stdin
    return status


def read_ahead(scene: Scene) -> bytes:
    """
    Read the file with all of its requests sent before.
    """
    scene.file.seek(0)
    scene.file.prefetch(len(DATA))
    content: bytes = scene.file.read()
    return content


def get(scene: Scene) -> bytes:
    """
    Fetch the file.
    """
    received = io.BytesIO()
    scene.sftp.getfo(scene.data, received)
    return received.getvalue()


#: What a stream and a command have to say when the program itself has closed the connection.
CLOSED = {"send-recv": b"", "readline": b"", "exec": -1}

#: Each with what it returns when it comes to its end; `None` if that is of no interest.
CALLS: dict[str, tuple[Callable[[Scene], Any], Any]] = {
    "send-recv": (lambda s: (s.channel.sendall(b"x"), s.channel.recv(1))[1], b"x"),
    "readline": (echo_line, b"abc\n"),
    "exec": (run_command, 3),
    "keepalive": (
        lambda s: s.connection.transport.global_request("keepalive@openssh.com", wait=True),
        None,
    ),
    "forward": (lambda s: s.connection.transport.request_port_forward("127.0.0.1", 0) > 0, True),
    "rekey": (lambda s: s.connection.transport.renegotiate_keys(), None),
    "open-sftp": (lambda s: s.connection.client.open_sftp().close(), None),
    "stat": (lambda s: s.sftp.stat(s.data).st_size, len(DATA)),
    "listdir": (lambda s: [entry.filename for entry in s.sftp.listdir_iter(str(s.folder))], None),
    "read": (lambda s: (s.file.seek(0), s.file.read(100))[1], DATA[:100]),
    "read-ahead": (read_ahead, DATA),
    "get": (get, DATA),
    "write": (lambda s: s.sftp.open(s.other, "wb").write(b"abc"), None),
    "put": (lambda s: s.sftp.putfo(io.BytesIO(DATA), s.other).st_size, len(DATA)),
}


def set_scene(connection: Connection, folder: Path) -> Scene:
    """
    Open a channel and an SFTP session, with files in the folder.
    """
    (folder / "data").write_bytes(DATA)
    (folder / "other").touch()
    sftp = connection.client.open_sftp()
    return Scene(
        connection,
        folder,
        connection.run("exec cat"),
        sftp,
        sftp.open(str(folder / "data")),
    )
