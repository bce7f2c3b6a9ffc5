"""
A relay that holds back what it relays, as a long way does. Usage: delay.py PORT SECONDS.

Relays to the loopback port, prints the port it listens on, and runs until its input ends. It takes
in at once whatever comes, up to a limit, so that only the delay and the peers' own windows slow it.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys

LOOPBACK = "127.0.0.1"
CHUNK_BYTES = 262144
#: Pieces on their way, in one direction of one connection.
PIECES = 1024


async def carry(source: asyncio.StreamReader, target: asyncio.StreamWriter, delay_s: float) -> None:
    """
    Move one direction to its end.
    """
    clock = asyncio.get_running_loop().time
    on_the_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(PIECES)

    async def deliver() -> None:
        while True:
            due, data = await on_the_way.get()
            await asyncio.sleep(due - clock())
            if not data:
                break
            target.write(data)
            await target.drain()
        target.write_eof()

    async with contextlib.AsyncExitStack() as ends:
        delivery = asyncio.create_task(deliver())
        ends.callback(delivery.cancel)
        data = b"-"
        while data:
            data = await source.read(CHUNK_BYTES)
            await on_the_way.put((clock() + delay_s, data))
        await delivery


async def relay(port: int, delay_s: float) -> None:
    """
    Relay until standard input ends.
    """

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        further = await asyncio.open_connection(LOOPBACK, port)
        with contextlib.suppress(OSError):
            await asyncio.gather(
                carry(reader, further[1], delay_s), carry(further[0], writer, delay_s)
            )
        for one in (writer, further[1]):
            one.close()

    server = await asyncio.start_server(serve, LOOPBACK, 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(relay(int(sys.argv[1]), float(sys.argv[2])))
