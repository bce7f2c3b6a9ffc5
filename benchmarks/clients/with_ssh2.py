"""
Do one work with ssh2-python, which is libssh2. Usage: with_ssh2.py MODULE.

It has no proxy commands, no lines, and no session that threads may share: what is not here, the
benchmark leaves out for it.
"""

from __future__ import annotations

import os
import shlex
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

# Last, so that what is installed wins over the folders of the checkout.
sys.path.append(os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..")))

from benchmarks.clients.measured import CHUNK_BYTES, Meter, Order, echo_limit, main, names_of

BLOCK_BYTES = 1 << 20
session: Any = None
flags: Any = None


def import_library() -> None:
    """
    Import it before the clock runs.
    """
    global session, flags
    from ssh2 import session as sessions
    from ssh2 import sftp

    session, flags = sessions, sftp


def log_in(order: Order) -> tuple[Any, socket.socket]:
    """
    Return a session that is logged in, and its socket, which has to live as long.
    """
    if order["proxy_command"]:
        ours, its = socket.socketpair()
        end = its.fileno()
        subprocess.Popen(shlex.split(order["proxy_command"]), stdin=end, stdout=end)
        its.close()
    else:
        ours = socket.create_connection((order["address"], order["port"]))
    opened = session.Session()
    opened.handshake(ours)
    key = order["client_key"]
    opened.userauth_publickey_fromfile(order["user"], key, "", key + ".pub")
    return opened, ours


def drain(channel: Any) -> int:
    """
    Read a command's output to its end, and return how much it was.
    """
    count = 0
    while True:
        size, _ = channel.read(CHUNK_BYTES)
        if size <= 0:
            break
        count += size
    channel.wait_eof()
    channel.close()
    channel.wait_closed()
    return count if channel.get_exit_status() == 0 else -1


def fetch(opened: Any, order: Order) -> int:
    """
    Read the file by a command in a channel of its own.
    """
    channel = opened.open_session()
    channel.execute(f"exec cat '{order['remote']}'")
    return drain(channel)


def cat(order: Order, meter: Meter) -> int:
    opened, _kept = log_in(order)
    with meter:
        return fetch(opened, order)


def write(order: Order, meter: Meter) -> int:
    opened, _kept = log_in(order)
    chunk = bytes(CHUNK_BYTES)
    with meter:
        channel = opened.open_session()
        channel.execute("exec cat >/dev/null")
        for start in range(0, order["bytes"], CHUNK_BYTES):
            channel.write(chunk[: order["bytes"] - start])
        channel.send_eof()
        return order["bytes"] if drain(channel) == 0 else -1


def load(sftp: Any, remote: str, local: str) -> None:
    """
    Fetch one file.
    """
    source = sftp.open(remote, flags.LIBSSH2_FXF_READ, 0)
    with open(local, "wb", buffering=0) as target:
        while True:
            size, data = source.read(BLOCK_BYTES)
            if size <= 0:
                break
            target.write(data)
    source.close()


def store(sftp: Any, local: str, remote: str) -> None:
    """
    Store one file.
    """
    mode = flags.LIBSSH2_FXF_WRITE | flags.LIBSSH2_FXF_CREAT | flags.LIBSSH2_FXF_TRUNC
    target = sftp.open(remote, mode, 0o600)
    with open(local, "rb", buffering=0) as source:
        while data := source.read(BLOCK_BYTES):
            target.write(data)
    target.close()


def get(order: Order, meter: Meter) -> int:
    opened, _kept = log_in(order)
    sftp = opened.sftp_init()
    with meter:
        load(sftp, order["remote"], order["local"])
    return os.path.getsize(order["local"])


def put(order: Order, meter: Meter) -> int:
    opened, _kept = log_in(order)
    sftp = opened.sftp_init()
    with meter:
        store(sftp, order["remote"], order["local"])
        return int(sftp.stat(order["local"]).filesize)


def get_small(order: Order, meter: Meter) -> int:
    opened, _kept = log_in(order)
    sftp, names = opened.sftp_init(), names_of(order)
    with meter:
        for name in names:
            load(sftp, f"{order['small']}/{name}", f"{order['local']}/{name}")
    return len(names)


def put_small(order: Order, meter: Meter) -> int:
    opened, _kept = log_in(order)
    sftp, names = opened.sftp_init(), names_of(order)
    with meter:
        for name in names:
            store(sftp, f"{order['small']}/{name}", f"{order['local']}/{name}")
    return len(names)


def echo(order: Order, meter: Meter) -> int:
    opened, _kept = log_in(order)
    channel = opened.open_session()
    channel.execute("exec cat")
    channel.write(b"x")
    channel.read(1)
    more, count = echo_limit(order), 0
    with meter:
        while more(count):
            channel.write(b"x")
            channel.read(1)
            count += 1
    return count


def connect(order: Order, meter: Meter) -> int:
    opened = [log_in(order)]
    with meter:
        opened += [log_in(order) for _ in range(order["times"])]
    return len(opened) - 1


def crowd(order: Order, meter: Meter) -> int:
    def visit(_: int) -> bool:
        opened, kept = log_in(order)
        channel = opened.open_session()
        channel.execute("exec true")
        done = drain(channel) == 0
        opened.disconnect()
        kept.close()
        return done

    visit(0)
    with ThreadPoolExecutor(order["at_a_time"]) as pool, meter:
        return sum(pool.map(visit, range(order["times"])))


def connections(order: Order, meter: Meter) -> int:
    opened = [log_in(order) for _ in range(order["times"])]
    with ThreadPoolExecutor(order["times"]) as pool, meter:
        return sum(pool.map(lambda one: fetch(one[0], order), opened))


if __name__ == "__main__":
    works = [cat, write, get, put, get_small, put_small, echo, connect, crowd, connections]
    main(works, import_library)
