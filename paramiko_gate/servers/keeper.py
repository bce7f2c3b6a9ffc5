"""
End the servers when the harness can no longer do it.

Role: a process of its own beside each site. A harness that is killed (a CI time limit) runs no
clean-up; what it leaves would listen on loopback until the next boot. The keeper waits for the
end of its standard input, which only the harness holds, and then ends what it was told of.
Started by `openssh` and `embedded`, run as a script.
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

KEEPER_END_TIMEOUT_S = 10.0


@contextlib.contextmanager
def keep_site(directory: Path, servers: dict[int, str]) -> Iterator[None]:
    """
    Watch over servers until the block is left; end them if the harness does not live to do it.

    :param Path directory: removed together with the servers
    :param dict servers: the mark of each server's sessions, by its process id
    """
    arguments = [sys.executable, __file__, str(directory)]
    for pid, mark in servers.items():
        arguments += [str(pid), mark]
    keeper = subprocess.Popen(
        arguments, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True
    )
    assert keeper.stdin is not None
    try:
        yield
        keeper.stdin.write(b"done\n")
    finally:
        # Not told "done" after a failure: the keeper then ends what is left, which is none.
        with contextlib.suppress(OSError):
            keeper.stdin.close()
        keeper.wait(timeout=KEEPER_END_TIMEOUT_S)


def main(arguments: list[str]) -> None:
    """Wait for the end of standard input; end the servers unless it says that this was done."""
    # Run by its path, so that it works from wherever the gate is imported.
    sys.path[0] = str(Path(__file__).resolve().parents[2])
    import psutil

    from paramiko_gate.servers.ending import descendants, end_all, marked

    directory, *pairs = arguments
    # Looked up now: a process id means this process only as long as it lives.
    servers = [(psutil.Process(int(pid)), mark) for pid, mark in zip(pairs[::2], pairs[1::2])]
    if sys.stdin.readline():
        return
    for server, mark in servers:
        family = descendants(server.pid) if server.is_running() else []
        end_all([server, *family])
        end_all(marked(mark))
    shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main(sys.argv[1:])
