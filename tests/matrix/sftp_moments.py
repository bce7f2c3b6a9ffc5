"""
Rows of the matrix: blocked in a call of an SFTP client or of a remote file.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from matrix.moment import Moment, within
from matrix.scene import FILE_SIZE_BYTES, Scene

#: More than the server's window: a writer that does not wait for answers fills it.
WRITTEN_SIZE_BYTES = 4 << 20

#: The answers to some ten requests; each has less than 100 bytes.
SOME_ANSWERS_BYTES = 800


class Remote:
    """
    Hold an SFTP client and the paths that its calls are about.

    :param Scene scene: logged in
    """

    def __init__(self, scene: Scene) -> None:
        self.sftp = scene.opened_sftp()
        self.path = str(scene.remote_file())
        self.folder = str(scene.folder)
        self.local = scene.folder / "local"
        self.target = str(scene.folder / "target")
        self.file: Any = None


def client(scene: Scene) -> Remote:
    """Log in, start SFTP, and have each answer held back."""
    remote = Remote(scene)
    scene.stand_in.do("hold")
    return remote


def opened(scene: Scene) -> Remote:
    """Open a remote file for reading, and have each answer held back."""
    remote = Remote(scene)
    remote.file = scene.file = remote.sftp.open(remote.path, "rb")
    scene.stand_in.do("hold")
    return remote


def prefetching(scene: Scene) -> Remote:
    """Ask for all of a remote file in advance; all of it is held back."""
    remote = Remote(scene)
    remote.file = scene.file = remote.sftp.open(remote.path, "rb")
    scene.stand_in.do("hold")
    remote.file.prefetch(FILE_SIZE_BYTES)
    return remote


def writing(scene: Scene) -> Remote:
    """Open a remote file for pipelined writing, and have each answer held back."""
    remote = Remote(scene)
    remote.file = scene.file = remote.sftp.open(remote.target, "wb")
    remote.file.set_pipelined(True)
    scene.stand_in.do("hold")
    return remote


def unconfirmed(scene: Scene) -> Remote:
    """Write to a remote file; that this was done is held back."""
    remote = writing(scene)
    remote.file.write(b"x" * 1000)
    return remote


def downloading(scene: Scene) -> Remote:
    """Have half of the bytes of a file pass, and the rest held back."""
    remote = Remote(scene)
    scene.stand_in.do(f"hold-after {FILE_SIZE_BYTES // 2}")
    return remote


def uploading(scene: Scene) -> Remote:
    """Have a local file ready; the answer to its opening passes, and few more."""
    remote = Remote(scene)
    remote.local.write_bytes(bytes(WRITTEN_SIZE_BYTES))
    scene.stand_in.do(f"hold-after {SOME_ANSWERS_BYTES}")
    return remote


def stat(remote: Remote) -> Any:
    """Ask for the attributes of a file."""
    return remote.sftp.stat(remote.path).st_size


def listdir_iter(remote: Remote) -> Any:
    """Collect the names in a folder."""
    return sorted(entry.filename for entry in remote.sftp.listdir_iter(remote.folder))


def open_file(remote: Remote) -> Any:
    """Open a file, read nothing, and close it."""
    with remote.sftp.open(remote.path, "rb") as file:
        return file.tell()


def read(remote: Remote) -> Any:
    """Read the first bytes of a file."""
    return remote.file.read(4)


def readv(remote: Remote) -> Any:
    """Read bytes from two places of a file."""
    return list(remote.file.readv([(1, 2), (100_001, 2)]))


def read_all(remote: Remote) -> Any:
    """Read all of a file."""
    return len(remote.file.read())


def write(remote: Remote) -> Any:
    """Write more than the server lets one send before it has read."""
    return remote.file.write(bytes(WRITTEN_SIZE_BYTES))


def close(remote: Remote) -> Any:
    """Close a file."""
    return remote.file.close()


def get(remote: Remote) -> Any:
    """Fetch a file."""
    remote.sftp.get(remote.path, str(remote.local))
    return remote.local.stat().st_size


def put(remote: Remote) -> Any:
    """Store a file."""
    return remote.sftp.put(str(remote.local), remote.target).st_size


def row(name: str, reach: Callable[[Scene], Remote], call: Any, value: Any, **more: Any) -> Moment:
    """Make a row; SFTP calls are limited by the time limit of their channel."""

    def limited(remote: Remote) -> Any:
        within(lambda _: None)(remote.sftp.get_channel())
        return call(remote)

    return Moment(name, reach, call, value, limited, **more)


SFTP_MOMENTS = [
    row("sftp-stat", client, stat, FILE_SIZE_BYTES, real=True),
    row("sftp-listdir_iter", client, listdir_iter, ["remote"]),
    row("sftp-open", client, open_file, 0),
    row("sftp-read", opened, read, bytes([0, 1, 2, 3]), real=True),
    row("sftp-readv", opened, readv, [bytes([1, 2]), bytes([1, 2])]),
    row("sftp-prefetch", prefetching, read_all, FILE_SIZE_BYTES),
    row("sftp-get", downloading, get, FILE_SIZE_BYTES),
    row("sftp-put", uploading, put, WRITTEN_SIZE_BYTES),
    row("sftp-pipelined-write", writing, write, None),
    row("sftp-close-unconfirmed", unconfirmed, close, None),
]
