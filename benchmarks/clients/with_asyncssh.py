"""
Do one work with asyncssh. Usage: with_asyncssh.py MODULE.
"""

from __future__ import annotations

import asyncio
import os
import shlex
import sys
from typing import Any

# Last, so that what is installed wins over the folders of the checkout.
sys.path.append(os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..")))

from benchmarks.clients.measured import CHUNK_BYTES, Meter, Order, echo_limit, main, names_of

asyncssh: Any = None


def import_library() -> None:
    """
    Import it before the clock runs.
    """
    global asyncssh
    import asyncssh as library

    asyncssh = library


async def log_in(order: Order) -> Any:
    """
    Return a connection that is logged in, through the proxy command if there is one.
    """
    command = order["proxy_command"]
    return await asyncssh.connect(
        order["address"],
        order["port"],
        username=order["user"],
        client_keys=[order["client_key"]],
        known_hosts=order["known_hosts"],
        config=None,
        agent_path=None,
        proxy_command=shlex.split(command) if command else None,
    )


async def drain(process: Any) -> int:
    """
    Read a command's output to its end, and return how much it was.
    """
    count = 0
    while data := await process.stdout.read(CHUNK_BYTES):
        count += len(data)
    return count if (await process.wait()).exit_status == 0 else -1


async def fetch(connection: Any, order: Order) -> int:
    """
    Read the file by a command in a channel of its own.
    """
    command = f"exec cat '{order['remote']}'"
    return await drain(await connection.create_process(command, encoding=None))


async def cat(order: Order, meter: Meter) -> int:
    connection = await log_in(order)
    with meter:
        return await fetch(connection, order)


async def write(order: Order, meter: Meter) -> int:
    connection = await log_in(order)
    chunk = bytes(CHUNK_BYTES)
    with meter:
        process = await connection.create_process("exec cat >/dev/null", encoding=None)
        for start in range(0, order["bytes"], CHUNK_BYTES):
            process.stdin.write(chunk[: order["bytes"] - start])
            await process.stdin.drain()
        process.stdin.write_eof()
        return order["bytes"] if (await process.wait()).exit_status == 0 else -1


async def get(order: Order, meter: Meter) -> int:
    sftp = await (await log_in(order)).start_sftp_client()
    with meter:
        await sftp.get(order["remote"], order["local"])
    return os.path.getsize(order["local"])


async def put(order: Order, meter: Meter) -> int:
    sftp = await (await log_in(order)).start_sftp_client()
    with meter:
        await sftp.put(order["remote"], order["local"])
        return int((await sftp.stat(order["local"])).size)


async def get_small(order: Order, meter: Meter) -> int:
    sftp = await (await log_in(order)).start_sftp_client()
    names = names_of(order)
    with meter:
        for name in names:
            await sftp.get(f"{order['small']}/{name}", f"{order['local']}/{name}")
    return len(names)


async def put_small(order: Order, meter: Meter) -> int:
    sftp = await (await log_in(order)).start_sftp_client()
    names = names_of(order)
    with meter:
        for name in names:
            await sftp.put(f"{order['small']}/{name}", f"{order['local']}/{name}")
    return len(names)


async def echo(order: Order, meter: Meter) -> int:
    process = await (await log_in(order)).create_process("exec cat", encoding=None)
    process.stdin.write(b"x")
    await process.stdout.read(1)
    more, count = echo_limit(order), 0
    with meter:
        while more(count):
            process.stdin.write(b"x")
            await process.stdout.read(1)
            count += 1
    return count


async def lines(order: Order, meter: Meter) -> int:
    connection = await log_in(order)
    count = 0
    with meter:
        # Text, as paramiko's files give by default.
        process = await connection.create_process(f"exec cat '{order['lines']}'")
        async for _ in process.stdout:
            count += 1
    return count


async def connect(order: Order, meter: Meter) -> int:
    connections = [await log_in(order)]
    with meter:
        for _ in range(order["times"]):
            connections.append(await log_in(order))
    return len(connections) - 1


async def crowd(order: Order, meter: Meter) -> int:
    turns = asyncio.Semaphore(order["at_a_time"])

    async def visit() -> bool:
        async with turns:
            connection = await log_in(order)
            done = await connection.run("exec true")
            connection.close()
            await connection.wait_closed()
            return bool(done.exit_status == 0)

    await visit()
    with meter:
        return sum(await asyncio.gather(*(visit() for _ in range(order["times"]))))


async def channels(order: Order, meter: Meter) -> int:
    connection = await log_in(order)
    with meter:
        fetches = (fetch(connection, order) for _ in range(order["times"]))
        return sum(await asyncio.gather(*fetches))


async def connections(order: Order, meter: Meter) -> int:
    open_ones = [await log_in(order) for _ in range(order["times"])]
    with meter:
        return sum(await asyncio.gather(*(fetch(one, order) for one in open_ones)))


if __name__ == "__main__":
    works = [
        cat,
        write,
        get,
        put,
        get_small,
        put_small,
        echo,
        lines,
        connect,
        crowd,
        channels,
        connections,
    ]
    main(works, import_library)
