"""
Do one work with paramiko, or with what goes by its names. Usage: with_paramiko.py MODULE.
"""

from __future__ import annotations

import importlib
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

# Last, so that what is installed wins over the folders of the checkout.
sys.path.append(os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..")))

from benchmarks.clients.measured import CHUNK_BYTES, Meter, Order, echo_limit, main, names_of

library: Any = None
LOGIN_LIMIT_S = 60.0


def import_library() -> None:
    """
    Import it before the clock runs.
    """
    global library
    library = importlib.import_module(sys.argv[1])


def log_in(order: Order) -> Any:
    """
    Return a client that is logged in, through the proxy command if there is one.
    """
    command = order["proxy_command"]
    client = library.SSHClient()
    client.load_host_keys(order["known_hosts"])
    client.connect(
        order["address"],
        port=order["port"],
        username=order["user"],
        key_filename=order["client_key"],
        look_for_keys=False,
        allow_agent=False,
        banner_timeout=LOGIN_LIMIT_S,
        auth_timeout=LOGIN_LIMIT_S,
        sock=library.ProxyCommand(command) if command else None,
    )
    return client


def drain(channel: Any) -> int:
    """
    Read a command's output to its end, and return how much it was.
    """
    count = 0
    while data := channel.recv(CHUNK_BYTES):
        count += len(data)
    return count if channel.recv_exit_status() == 0 else -1


def fetch(client: Any, order: Order) -> int:
    """
    Read the file by a command in a channel of its own.
    """
    channel = client.get_transport().open_session()
    channel.exec_command(f"exec cat '{order['remote']}'")
    return drain(channel)


def cat(order: Order, meter: Meter) -> int:
    client = log_in(order)
    with meter:
        return fetch(client, order)


def write(order: Order, meter: Meter) -> int:
    client = log_in(order)
    chunk = bytes(CHUNK_BYTES)
    with meter:
        channel = client.get_transport().open_session()
        channel.exec_command("exec cat >/dev/null")
        for start in range(0, order["bytes"], CHUNK_BYTES):
            channel.sendall(chunk[: order["bytes"] - start])
        channel.shutdown_write()
        return order["bytes"] if channel.recv_exit_status() == 0 else -1


def get(order: Order, meter: Meter) -> int:
    sftp = log_in(order).open_sftp()
    with meter:
        sftp.get(order["remote"], order["local"])
    return os.path.getsize(order["local"])


def put(order: Order, meter: Meter) -> int:
    sftp = log_in(order).open_sftp()
    with meter:
        return int(sftp.put(order["remote"], order["local"]).st_size)


def get_small(order: Order, meter: Meter) -> int:
    sftp = log_in(order).open_sftp()
    names = names_of(order)
    with meter:
        for name in names:
            sftp.get(f"{order['small']}/{name}", f"{order['local']}/{name}")
    return len(names)


def put_small(order: Order, meter: Meter) -> int:
    sftp = log_in(order).open_sftp()
    names = names_of(order)
    with meter:
        for name in names:
            sftp.put(f"{order['small']}/{name}", f"{order['local']}/{name}")
    return len(names)


def echo(order: Order, meter: Meter) -> int:
    channel = log_in(order).get_transport().open_session()
    channel.exec_command("exec cat")
    channel.sendall(b"x")
    channel.recv(1)
    more, count = echo_limit(order), 0
    with meter:
        while more(count):
            channel.sendall(b"x")
            channel.recv(1)
            count += 1
    return count


def lines(order: Order, meter: Meter) -> int:
    client = log_in(order)
    with meter:
        output = client.exec_command(f"exec cat '{order['lines']}'")[1]
        return sum(1 for _ in output)


def connect(order: Order, meter: Meter) -> int:
    clients = [log_in(order)]
    with meter:
        clients += [log_in(order) for _ in range(order["times"])]
    return len(clients) - 1


def crowd(order: Order, meter: Meter) -> int:
    def visit(_: int) -> bool:
        with log_in(order) as client:
            channel = client.get_transport().open_session()
            channel.exec_command("exec true")
            return bool(drain(channel) == 0)

    visit(0)
    with ThreadPoolExecutor(order["at_a_time"]) as pool, meter:
        return sum(pool.map(visit, range(order["times"])))


def channels(order: Order, meter: Meter) -> int:
    client = log_in(order)
    with ThreadPoolExecutor(order["times"]) as pool, meter:
        return sum(pool.map(lambda _: fetch(client, order), range(order["times"])))


def connections(order: Order, meter: Meter) -> int:
    clients = [log_in(order) for _ in range(order["times"])]
    with ThreadPoolExecutor(order["times"]) as pool, meter:
        return sum(pool.map(lambda client: fetch(client, order), clients))


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
