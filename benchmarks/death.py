"""
What the death of a proxy costs, in stock and in the fork, side by side.

Needs both installed beside each other, and an OpenSSH server and client::

    pip install '.[gate]' 'paramiko===5.1.0' && python benchmarks/death.py

Also run by ``python -m benchmarks --only death``, which needs no stock beside the fork.

Each round is a process of its own that connects through a real ``ssh -W``; rounds of stock and
fork take turns, so that both meet the same load. Prints medians with the range, and writes all
rounds with ``--json``. It judges nothing: the gate does that.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    # The rounds run where nothing of ours need be installed.
    from paramiko_gate.target import Subject

#: Seconds that a blocked caller is given to have its error.
PATIENCE_S = 2.0
#: Seconds over which CPU and wake-ups are counted after the death.
WINDOW_S = 5.0
#: No round takes longer than this, in seconds.
ROUND_LIMIT_S = 60.0
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

Round = dict[str, Any]


# one round, in a process of its own


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


def measure_detection(paramiko: Any, site: dict[str, Any]) -> Round:
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


def measure_aftermath(paramiko: Any, site: dict[str, Any]) -> Round:
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


def measure_close(paramiko: Any, site: dict[str, Any]) -> Round:
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


def measure_memory(paramiko: Any, site: dict[str, Any]) -> Round:
    """
    Let a proxy flood stderr; how much of it the program then holds.
    """
    del site
    tracemalloc.start()
    proxy = paramiko.ProxyCommand(" ".join(map(quote, FLOODING)))
    before = tracemalloc.get_traced_memory()[0]
    proxy.settimeout(PATIENCE_S)
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


MEASUREMENTS = {
    "detection": (measure_detection, 20),
    "aftermath": (measure_aftermath, 3),
    "close": (measure_close, 5),
    "memory": (measure_memory, 1),
}


# all rounds, in turns


def run_all(
    subjects: list[Subject], directory: Path, at_most: int | None = None
) -> dict[str, list[Round]]:
    """
    Return the rounds of each library, behind a real ``ssh -W``.

    :param Path directory: for the servers, empty
    :param int at_most: rounds of each measurement, instead of what each has
    :raises GateError: there is no OpenSSH, or it cannot be started
    """
    from paramiko_gate.servers.choice import run_chosen_site

    with run_chosen_site("openssh", directory) as site:
        host = site.host
        values = {
            "address": host.address,
            "port": host.port,
            "user": host.user,
            "client_key": str(host.client_key),
            "known_hosts": str(host.known_hosts),
            "proxy_command": site.bastion.proxy_command(host),
        }
        return run_rounds(subjects, values, at_most)


def run_rounds(
    subjects: list[Subject], site: dict[str, Any], at_most: int | None
) -> dict[str, list[Round]]:
    """
    Return the rounds of each library by its name; one that did not end in time is empty.
    """
    rounds: dict[str, list[Round]] = {subject.module: [] for subject in subjects}
    script = str(Path(__file__).resolve())
    for name, (_, usual) in MEASUREMENTS.items():
        count = min(usual, at_most or usual)
        for number in range(count):
            for subject in subjects if number % 2 else reversed(subjects):
                module = subject.module
                print(f"\r{name} {number + 1}/{count} {module:20}", end="", file=sys.stderr)
                arguments = [script, "--round", name, module, json.dumps(site)]
                try:
                    done = subprocess.run(
                        [*subject.interpreter, *arguments],
                        env=subject.environment,
                        capture_output=True,
                        timeout=ROUND_LIMIT_S,
                        check=True,
                    )
                except subprocess.TimeoutExpired:
                    rounds[module].append({})
                    continue
                rounds[module].append(json.loads(done.stdout))
    print("\r" + " " * 50 + "\r", end="", file=sys.stderr)
    return rounds


def show(rounds: dict[str, list[Round]]) -> None:
    """
    Print a line per figure: median, and range, of each module.
    """
    from rich.console import Console
    from rich.table import Table

    table = Table("figure", *rounds)
    figures = dict.fromkeys(key for each in rounds.values() for row in each for key in row)
    for figure in figures:
        cells = []
        for each in rounds.values():
            values = [row[figure] for row in each if figure in row]
            known = sorted(value for value in values if value is not None)
            if not known:
                cells.append(f"never (0 of {len(values)})")
                continue
            text = f"{statistics.median(known):.1f} ({known[0]:.1f} to {known[-1]:.1f})"
            if len(known) < len(values):
                text += f", {len(known)} of {len(values)}"
            cells.append(text)
        table.add_row(figure, *cells)
    Console().print(table)


def main() -> int:
    """
    Measure and print; exit status 0 unless a round could not be run.
    """
    parser = argparse.ArgumentParser(description=(__doc__ or "").strip().splitlines()[0])
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all rounds there")
    parser.add_argument("--modules", nargs="+", default=["paramiko", "paramiko_patched"])
    parser.add_argument("--round", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.round:
        name, module, site = options.round
        measured = MEASUREMENTS[name][0](importlib.import_module(module), json.loads(site))
        print(json.dumps(measured), flush=True)
        os._exit(0)  # stock's threads spin on: do not wait for them

    from paramiko_gate.target import find_target

    subjects = [find_target(module, None) for module in options.modules]
    with tempfile.TemporaryDirectory() as directory:
        rounds = run_all(subjects, Path(directory))
    show(rounds)
    if options.json:
        options.json.write_text(json.dumps(rounds, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
