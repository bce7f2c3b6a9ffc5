"""
Move data over one connection, once, and tell how long it took.

Run as a script by `benchmarks.transfer`. Usage: transfer.py MODULE. Reads one order, answers
``seconds`` and ``cpu_s``, which is the CPU time of all threads of this process and of no other.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from typing import Any, Callable

HERE = os.path.dirname(os.path.abspath(__file__))
CHUNK_BYTES = 65536


def connect(library: Any, order: dict[str, Any]) -> Any:
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
        sock=library.ProxyCommand(command) if command else None,
    )
    return client


def download(client: Any, order: dict[str, Any]) -> Callable[[], int]:
    """
    Read what a command writes to its standard output.
    """
    channel = client.get_transport().open_session()

    def move() -> int:
        channel.exec_command(f"exec cat '{order['remote']}'")
        count = 0
        while True:
            data = channel.recv(CHUNK_BYTES)
            if not data:
                return count if channel.recv_exit_status() == 0 else -1
            count += len(data)

    return move


def upload(client: Any, order: dict[str, Any]) -> Callable[[], int]:
    """
    Write to the standard input of a command, until it has ended.
    """
    channel = client.get_transport().open_session()
    chunk = bytes(CHUNK_BYTES)
    size: int = order["bytes"]

    def move() -> int:
        channel.exec_command("exec cat >/dev/null")
        left = size
        while left:
            sent = chunk[:left]
            channel.sendall(sent)
            left -= len(sent)
        channel.shutdown_write()
        return size if channel.recv_exit_status() == 0 else -1

    return move


def get(client: Any, order: dict[str, Any]) -> Callable[[], int]:
    """
    Fetch a file by SFTP.
    """
    sftp = client.open_sftp()
    local = os.path.abspath("local")

    def move() -> int:
        sftp.get(order["remote"], local)
        return os.path.getsize(local)

    return move


def put(client: Any, order: dict[str, Any]) -> Callable[[], int]:
    """
    Store a file by SFTP; its size is asked for at the end, as by default.
    """
    sftp = client.open_sftp()
    remote = os.path.abspath("stored")

    def move() -> int:
        return int(sftp.put(order["remote"], remote).st_size)

    return move


OPERATIONS: dict[str, Callable[[Any, dict[str, Any]], Callable[[], int]]] = {
    "exec, read": download,
    "exec, write": upload,
    "SFTP get": get,
    "SFTP put": put,
}


def main(module: str) -> None:
    """
    Import the library, obey once, answer, and end.
    """
    # Python puts the script's own directory first; a neighbour must not pass for the library.
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry or ".") != HERE]
    library = importlib.import_module(module)
    print(json.dumps({"pid": os.getpid()}), flush=True)
    order = json.loads(sys.stdin.readline())
    client = connect(library, order)
    move = OPERATIONS[order["operation"]](client, order)
    started, cpu = time.monotonic(), time.process_time()
    moved = move()
    answer = {
        "seconds": time.monotonic() - started,
        "cpu_s": time.process_time() - cpu,
        "bytes": moved,
    }
    print(json.dumps(answer), flush=True)
    client.close()
    # Not a normal exit: threads of a library that hangs would keep the process for ever.
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1])
