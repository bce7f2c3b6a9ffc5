"""
What ``ssh -W`` does, by asyncssh: log in to a bastion and relay to an address behind it.

Role: run as a script by the client under test, as its proxy command, where there is no OpenSSH.
Usage: embedded_jump.py --client-key F --known-hosts F -W ADDRESS:PORT USER@ADDRESS:PORT
Like its model it writes why it failed to standard error and exits with 255.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys

import asyncssh

CHUNK_BYTES = 65536
FAILURE_STATUS = 255


async def relay(options: argparse.Namespace) -> None:
    """Log in, open the connection behind the bastion and relay until either side ends."""
    user, _, bastion = options.bastion.rpartition("@")
    address, port = split_address(bastion)
    async with asyncssh.connect(
        address,
        port,
        username=user,
        client_keys=[options.client_key],
        known_hosts=options.known_hosts,
        agent_path=None,
        config=None,
        password_auth=False,
        kbdint_auth=False,
    ) as connection:
        far_reader, far_writer = await connection.open_connection(
            *split_address(options.forward), encoding=None
        )
        inward = asyncio.ensure_future(pump_in(far_writer))
        loop = asyncio.get_running_loop()
        while data := await far_reader.read(CHUNK_BYTES):
            # In a thread: a reader that is slow to take it must not stop the other direction.
            await loop.run_in_executor(None, write_all, data)
        inward.cancel()


async def pump_in(far_writer: asyncssh.SSHWriter[bytes]) -> None:
    """Relay standard input, and its end, to the far side."""
    near_reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(near_reader), sys.stdin
    )
    while data := await near_reader.read(CHUNK_BYTES):
        far_writer.write(data)
        await far_writer.drain()
    far_writer.write_eof()


def write_all(data: bytes) -> None:
    """Write to standard output; blocks as long as nobody reads."""
    view = memoryview(data)
    while view:
        view = view[os.write(1, view) :]


def split_address(text: str) -> tuple[str, int]:
    """Return ``ADDRESS:PORT`` as a pair."""
    address, _, port = text.rpartition(":")
    return address, int(port)


def main() -> None:
    """Read the command line and relay."""
    parser = argparse.ArgumentParser(prog="embedded_jump")
    parser.add_argument("--client-key", required=True)
    parser.add_argument("--known-hosts", required=True)
    parser.add_argument("-W", dest="forward", required=True, metavar="ADDRESS:PORT")
    parser.add_argument("bastion", metavar="USER@ADDRESS:PORT")
    options = parser.parse_args()
    status = 0
    try:
        asyncio.run(relay(options))
    except (OSError, asyncssh.Error) as error:
        print(f"{options.bastion}: {error}", file=sys.stderr, flush=True)
        status = FAILURE_STATUS
    # A thread that is blocked in a write to somebody who never reads must not hold us.
    os._exit(status)


if __name__ == "__main__":
    main()
