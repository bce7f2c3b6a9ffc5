"""
Kill a proxy, or have it misbehave, and tell what that costs this process.

Run as a script by `benchmarks.death`. Usage: death.py MODULE. Reads one order, answers figures;
one that never came is null.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import signal
import sys
import threading
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

HERE = os.path.dirname(os.path.abspath(__file__))
#: Seconds that a blocked caller is given to have its error.
PATIENCE_S = 2.0
#: Seconds over which CPU and wake-ups are counted after the death.
WINDOW_S = 5.0
#: Seconds that a proxy is given to start and to flood.
FLOOD_LIMIT_S = 10.0
#: Bytes of stderr that a proxy floods before its memory is counted.
FLOOD_BYTES = 10 * 1024 * 1024

STUBBORN = [
    sys.executable,
    "-c",
    "import signal, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    "sys.stdout.write('ready'); sys.stdout.flush(); time.sleep(60)",
]
FLOODING = [
    sys.executable,
    "-c",
    f"import sys; sys.stderr.write('x' * {FLOOD_BYTES}); sys.stderr.flush();"
    "sys.stdout.write('done'); sys.stdout.flush(); sys.stdin.read()",
]

Figures = dict[str, Any]


def connect(paramiko: Any, site: dict[str, Any]) -> Any:
    """
    Return a client that is logged in at the host, through the bastion.
    """
    client = paramiko.SSHClient()
    client.load_host_keys(site["known_hosts"])
    client.connect(
        site["address"],
        port=site["port"],
        username=site["user"],
        key_filename=site["client_key"],
        look_for_keys=False,
        allow_agent=False,
        sock=paramiko.ProxyCommand(site["proxy_command"]),
    )
    return client


def measure_detection(paramiko: Any, site: dict[str, Any]) -> Figures:
    """
    Kill the proxy under a blocked reader; milliseconds until it has its error.
    """
    client = connect(paramiko, site)
    channel = client.exec_command("sleep 600")[1].channel
    told: list[float] = []

    def read() -> None:
        try:
            channel.recv(1)
        except paramiko.ProxyCommandFailure:
            told.append(time.monotonic())

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    time.sleep(0.1)  # the reader blocks by now; if not, the figure only gets worse
    killed = time.monotonic()
    os.kill(client.get_transport().sock.process.pid, signal.SIGKILL)
    reader.join(PATIENCE_S)
    return {"kill to error, ms": (told[0] - killed) * 1000 if told else None}


def measure_aftermath(paramiko: Any, site: dict[str, Any]) -> Figures:
    """
    Kill the proxy under a blocked reader; what the process then uses.
    """
    client = connect(paramiko, site)
    channel = client.exec_command("sleep 600")[1].channel
    reader = threading.Thread(target=lambda: swallow(channel.recv, 1), daemon=True)
    reader.start()
    time.sleep(0.1)
    os.kill(client.get_transport().sock.process.pid, signal.SIGKILL)
    cpu, woken = time.process_time(), count_wakeups()
    time.sleep(WINDOW_S)
    return {
        "CPU after death, % of a core": (time.process_time() - cpu) / WINDOW_S * 100,
        "wake-ups after death, in 5 s": count_wakeups() - woken,
    }


def measure_close(paramiko: Any, site: dict[str, Any]) -> Figures:
    """
    Close a healthy connection, and a proxy that ignores SIGTERM.
    """
    client = connect(paramiko, site)
    started = time.monotonic()
    client.close()
    healthy = time.monotonic() - started
    proxy = paramiko.ProxyCommand(" ".join(map(quote, STUBBORN)))
    while not os.read(proxy.process.stdout.fileno(), 5):
        pass
    started = time.monotonic()
    proxy.close()
    stubborn = time.monotonic() - started
    while proxy.process.returncode is None and time.monotonic() < started + 6:
        time.sleep(0.01)
    gone = time.monotonic() - started if proxy.process.returncode is not None else None
    proxy.process.kill()
    return {
        "close, healthy connection, ms": healthy * 1000,
        "close, proxy ignores SIGTERM, ms": stubborn * 1000,
        "the same until it is gone and reaped, s": gone,
    }


def measure_memory(paramiko: Any, site: dict[str, Any]) -> Figures:
    """
    Let a proxy flood stderr; how much of it the program then holds.
    """
    del site
    tracemalloc.start()
    proxy = paramiko.ProxyCommand(" ".join(map(quote, FLOODING)))
    before = tracemalloc.get_traced_memory()[0]
    proxy.settimeout(FLOOD_LIMIT_S)
    done = swallow(proxy.recv, 4)
    held = tracemalloc.get_traced_memory()[0] - before
    proxy.process.kill()
    return {"memory after 10 MiB of stderr, KiB": held / 1024 if done == b"done" else None}


def swallow(call: Callable[..., Any], *arguments: Any) -> Any:
    """
    Return what the call returns, or the exception that it raises.
    """
    try:
        return call(*arguments)
    except Exception as error:
        return error


def quote(word: str) -> str:
    """
    Quote a word for `shlex.split`; stock takes no list.
    """
    return "'" + word.replace("'", "'\\''") + "'"


def count_wakeups() -> int:
    """
    Return how often threads of this process have waited and were woken.
    """
    return resource.getrusage(resource.RUSAGE_SELF).ru_nvcsw


def main(module: str) -> None:
    """
    Import the library, do one measurement, answer, and end.
    """
    # Python puts the script's own directory first; a neighbour must not pass for the library.
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry or ".") != HERE]
    library = importlib.import_module(module)
    print(json.dumps({"pid": os.getpid()}), flush=True)
    order = json.loads(sys.stdin.readline())
    measures = {
        "detection": measure_detection,
        "aftermath": measure_aftermath,
        "close": measure_close,
        "memory": measure_memory,
    }
    print(json.dumps(measures[order["measurement"]](library, order)), flush=True)
    os._exit(0)  # stock's threads spin on: do not wait for them


if __name__ == "__main__":
    main(sys.argv[1])
