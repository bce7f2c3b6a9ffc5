"""
A server that lets in who knows the password, or gives it as the answer to a question.

The other server of the matrix knows keys alone. Run as a script it prints its port, and ends when
its standard input does. Imports no paramiko of any name.
"""

from __future__ import annotations

import asyncio
import contextlib
import select
import subprocess
import sys
from collections.abc import Iterator

import asyncssh

PASSWORD = "let me in"

START_S = 20.0
END_S = 5.0


class PasswordServer(asyncssh.SSHServer):
    """Compare what it is told with the password."""

    def password_auth_supported(self) -> bool:
        """Offer both methods, the second by way of the first."""
        return True

    def validate_password(self, username: str, password: str) -> bool:
        """Let in everybody who knows it."""
        return password == PASSWORD


@contextlib.contextmanager
def run_password_server() -> Iterator[int]:
    """
    Run it in a process of its own until the block is left, and return its port.

    Blocks until it listens, at most `START_S`, and until it has ended.
    """
    command = [sys.executable, __file__]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        try:
            readable, _, _ = select.select([server.stdout], [], [], START_S)
            assert readable, f"no port within {START_S:g} s"
            yield int(server.stdout.readline())
        finally:
            server.stdin.close()
            try:
                server.wait(END_S)
            finally:
                server.kill()


async def serve() -> None:
    """Serve until standard input ends."""
    key = asyncssh.generate_private_key("ssh-ed25519")
    listener = await asyncssh.listen(
        "127.0.0.1", 0, server_factory=PasswordServer, server_host_keys=[key]
    )
    print(listener.get_port(), flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve())
