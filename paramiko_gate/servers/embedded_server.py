"""
One asyncssh server on loopback: logins by key, commands, SFTP and forwarding.

Role: run as a script by `paramiko_gate.servers.embedded`, once for the bastion and once for the
host. Prints the port it was given as one JSON line and ends when its standard input ends.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import sys

import asyncssh


class Server(asyncssh.SSHServer):
    """Let whoever has logged in pass through to any address, as a bastion does."""

    def connection_requested(
        self, dest_host: str, dest_port: int, orig_host: str, orig_port: int
    ) -> bool:
        """Allow a ``-W`` or ``-L``."""
        return True

    def server_requested(self, listen_host: str, listen_port: int) -> bool:
        """Allow a ``-R``."""
        return True


async def serve(options: argparse.Namespace) -> None:
    """Listen on a free port, say which, and serve until standard input ends."""
    mark_name, _, mark = options.mark.partition("=")
    environment = {**os.environ, mark_name: mark}

    async def run_command(process: asyncssh.SSHServerProcess[bytes]) -> None:
        await run_for_client(process, environment)

    acceptor = await asyncssh.listen(
        "127.0.0.1",
        0,
        server_factory=Server,
        server_host_keys=[options.host_key],
        authorized_client_keys=options.authorized_keys,
        process_factory=run_command,
        sftp_factory=True,
        encoding=None,
        config=None,
    )
    print(json.dumps({"port": acceptor.get_port()}), flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.buffer.read)


async def run_for_client(
    process: asyncssh.SSHServerProcess[bytes], environment: dict[str, str]
) -> None:
    """Run a client's command in a shell; it is killed when the client's connection is gone."""
    child = await asyncio.create_subprocess_exec(
        "/bin/sh",
        *(["-c", process.command] if process.command else []),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment,
    )
    gone = asyncio.ensure_future(process.wait_closed())
    try:
        await process.redirect(stdin=child.stdin, stdout=child.stdout, stderr=child.stderr)
        ended = asyncio.ensure_future(child.wait())
        await asyncio.wait({ended, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not gone.done():
            # Everything the command wrote goes out before its status does.
            await process.stdout.drain()
            await process.stderr.drain()
            process.exit(ended.result())
    finally:
        gone.cancel()
        with contextlib.suppress(ProcessLookupError):
            child.kill()


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(prog="embedded_server")
    parser.add_argument("--host-key", required=True)
    parser.add_argument("--authorized-keys", required=True)
    parser.add_argument("--mark", required=True, metavar="NAME=VALUE")
    asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
