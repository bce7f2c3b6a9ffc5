"""
Open a connection, kill its proxy, be told, close: many times, and tell what is left.

Run as a script by `benchmarks.cycles`. Usage: cycles.py MODULE. Reads one order, answers what this
process holds more at the end than after the cycles that warm it up.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import signal
import socket
import sys
import time
from typing import Any

#: How long, in seconds, a caller waits to be told, and what is left may take to go.
TOLD_LIMIT_S = 2.0
SETTLE_LIMIT_S = 10.0


def cycle(library: Any, order: dict[str, Any]) -> bool:
    """
    Do it once, and return whether the caller was told.
    """
    proxy = library.ProxyCommand(order["proxy_command"])
    client = library.SSHClient()
    client.load_host_keys(order["known_hosts"])
    client.connect(
        order["address"],
        port=order["port"],
        username=order["user"],
        key_filename=order["client_key"],
        look_for_keys=False,
        allow_agent=False,
        sock=proxy,
    )
    try:
        channel = client.get_transport().open_session()
        channel.exec_command("exec cat")
        channel.settimeout(TOLD_LIMIT_S)
        os.kill(proxy.process.pid, signal.SIGKILL)
        try:
            channel.recv(1)
        except library.SSHException:
            return True
        except socket.timeout:
            return False
        return False
    finally:
        client.close()


def count() -> dict[str, int]:
    """
    Return what this process holds now.
    """
    zombies = children = 0
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat") as file:
                    state, parent = file.read().rpartition(") ")[2].split()[:2]
            except OSError:
                continue
            if int(parent) == os.getpid():
                children += 1
                zombies += state == "Z"
    with open("/proc/self/status") as file:
        status = dict(line.split(":", 1) for line in file)
    return {
        "zombies": zombies,
        "children": children,
        "descriptors": len(os.listdir("/proc/self/fd")),
        "threads": int(status["Threads"]),
        "RSS KiB": int(status["VmRSS"].split()[0]),
    }


def settled(before: dict[str, int]) -> dict[str, int]:
    """
    Return what is held once nothing is left, or no later than the limit.
    """
    deadline = time.monotonic() + SETTLE_LIMIT_S
    while True:
        gc.collect()
        now = count()
        left = [now[name] - before[name] for name in ("children", "descriptors", "threads")]
        if not any(left) or time.monotonic() > deadline:
            return now
        time.sleep(0.05)


def main() -> None:
    library = importlib.import_module(sys.argv[1])
    start = count()
    print(json.dumps({"ready": True}), flush=True)
    order = json.loads(sys.stdin.readline())
    for _ in range(order["warm_up"]):
        cycle(library, order)
    before = settled(start)
    started = time.monotonic()
    told = sum(cycle(library, order) for _ in range(order["cycles"]))
    seconds = time.monotonic() - started
    after = settled(before)
    answer: dict[str, float] = {name: after[name] - before[name] for name in after}
    answer["told"] = told
    answer["seconds"] = seconds
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
