"""
Part of a source distribution: the tests of others, without the package beside them.
"""

from __future__ import annotations

import tarfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath


def unpack(sdist: Path, folder: Path, is_wanted: Callable[[PurePosixPath], bool]) -> Path:
    """
    Copy some files, with their modes, into a new folder, and return it.

    :param is_wanted: is asked with each path below the sdist's own directory
    :raises AssertionError: a path leads out of the folder
    """
    folder.mkdir(parents=True)
    with tarfile.open(sdist) as archive:
        for member in archive:
            path = PurePosixPath(*PurePosixPath(member.name).parts[1:])
            data = archive.extractfile(member) if member.isfile() and is_wanted(path) else None
            if data is not None:
                assert ".." not in path.parts
                target = folder / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(data.read())
                target.chmod(member.mode & 0o755 | 0o600)
    return folder
