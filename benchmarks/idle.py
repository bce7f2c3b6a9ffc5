"""
What connections cost that do nothing: wake-ups, CPU, memory, descriptors, threads.

One process holds all of them, each through a proxy command of its own, and is measured from
outside. A single connection goes through a real ``ssh -W``. A thousand of those would take more of
the machine than what is measured, so more connections go to one asyncssh server through the
smallest program of the system that can relay: which one is in each round's facts.
"""

from __future__ import annotations

import contextlib
import random
import shlex
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil

from benchmarks.figures import Round
from benchmarks.program import Broken, Program, run_program
from benchmarks.subjects import describe_host
from paramiko_gate.errors import GateError
from paramiko_gate.measure import Holdings, count_holdings, read_switches
from paramiko_gate.servers.choice import run_chosen_site
from paramiko_gate.servers.endpoint import Site
from paramiko_gate.target import Subject

#: Logins at the same time.
AT_A_TIME = 8
#: For all logins: a fixed part and one for each connection, in seconds.
CONNECT_LIMIT_S = 90.0
CONNECT_LIMIT_EACH_S = 0.5
#: What servers say after a login has been heard by then, in seconds.
SETTLE_S = 2.0


def run(
    subjects: dict[str, Subject],
    counts: list[int],
    rounds: int,
    window_s: float,
    chance: random.Random,
    directory: Path,
    tell: Callable[[str], None],
    done: list[Round],
) -> None:
    """
    Run all rounds; each blocks for its logins, which are bounded, and for its window.

    :param dict subjects: the libraries by name
    :param list counts: numbers of connections
    :param int rounds: of each library with each number
    :param float window_s: seconds over which wake-ups and CPU are counted
    :param chance: draws the order of a round
    :param Path directory: for the servers, empty
    :param tell: is told what is done next
    :param list done: gets each round when it has ended
    :raises GateError: a server cannot be started
    """
    for count in counts:
        with _run_site(count, directory / str(count)) as site:
            proxy, command = _choose_proxy(count, site)
            case = f"{count:,} idle, {proxy}"
            order = {
                **describe_host(site.host),
                "proxy_command": command,
                "connections": count,
                "at_a_time": AT_A_TIME,
            }
            for number in range(rounds):
                for library, subject in chance.sample(list(subjects.items()), len(subjects)):
                    tell(f"{case}, round {number + 1} of {rounds}, {library}")
                    facts: dict[str, Any] = {
                        "proxy": proxy,
                        "proxy_command": command,
                        "server": site.kind,
                        "connections": count,
                        "window_s": window_s,
                    }
                    try:
                        figures = _measure(subject, order, window_s, facts)
                        done.append(Round(case, library, number, figures, facts))
                    except Broken as error:
                        done.append(Round(case, library, number, {}, facts, str(error)))


def choose_relay(address: str, port: int) -> tuple[str, str]:
    """
    Return name and command of the smallest program here that joins its streams to a socket.

    :raises GateError: there is none
    """
    for name in ("nc", "ncat"):
        if path := shutil.which(name):
            return name, shlex.join([path, address, str(port)])
    if path := shutil.which("socat"):
        return "socat", shlex.join([path, "STDIO", f"TCP:{address}:{port}"])
    if path := shutil.which("bash"):
        script = f"exec 3<>/dev/tcp/{address}/{port}; cat <&3 & exec cat >&3"
        return "bash and cat", shlex.join([path, "-c", script])
    raise GateError(
        "there is nothing to relay with", wanted="nc, ncat, socat or bash on PATH", got="none"
    )


def _run_site(count: int, directory: Path) -> contextlib.AbstractContextManager[Site]:
    directory.mkdir()
    return run_chosen_site("auto" if count == 1 else "embedded", directory)


def _choose_proxy(count: int, site: Site) -> tuple[str, str]:
    if count == 1 and site.kind == "openssh":
        return "ssh -W", site.bastion.proxy_command(site.host)
    return choose_relay(site.host.address, site.host.port)


def _measure(
    subject: Subject, order: dict[str, Any], window_s: float, facts: dict[str, Any]
) -> dict[str, float]:
    """
    Return the figures of one process that holds the connections.

    :raises Broken: it could not connect them all; the facts say how many
    """
    count: int = order["connections"]
    with run_program(subject, "idle.py") as program:
        program.tell(order)
        before, memory = count_holdings(program.pid), _read_memory(program.pid)
        connected_s = 0.0
        measured = count
        if count > 1:
            # What the first makes Python load is not what each of many costs.
            connected_s = _connect(program, 1, facts)
            memory = _read_memory(program.pid)
            measured = count - 1
        connected_s += _connect(program, count, facts)
        time.sleep(SETTLE_S)
        switches, cpu_s, opened = _read_usage(program.pid)
        time.sleep(window_s)
        switches_after, cpu_after_s, closed = _read_usage(program.pid)
        more = count_holdings(program.pid).beyond(before)
        grown = _read_memory(program.pid) - memory
        wakeups = sum(n - switches.get(thread, 0) for thread, n in switches_after.items())
    facts["wakeups"] = wakeups
    facts["held"] = vars(more).copy()
    return {
        "wake-ups / s": wakeups / (closed - opened),
        "CPU, % of a core": (cpu_after_s - cpu_s) / (closed - opened) * 100,
        "RSS, KiB each": grown / 1024 / measured,
        **_each(more, count),
        "until all connected, s": connected_s,
    }


def _connect(program: Program, count: int, facts: dict[str, Any]) -> float:
    """
    Have the program connect until it holds so many, and return the seconds that took.
    """
    program.tell(count)
    answer = program.hear(CONNECT_LIMIT_S + CONNECT_LIMIT_EACH_S * count)
    facts["connected"] = answer["connected"]
    if answer["error"]:
        raise Broken(f"{answer['error']} ({answer['connected']} connected)")
    return float(answer["seconds"])


def _each(more: Holdings, count: int) -> dict[str, float]:
    return {
        "descriptors each": more.descriptors / count,
        "threads each": more.threads / count,
    }


def _read_memory(pid: int) -> int:
    return int(psutil.Process(pid).memory_info().rss)


def _read_usage(pid: int) -> tuple[dict[int, int], float, float]:
    """
    Return voluntary context switches by thread, CPU seconds, and when that was read.
    """
    return read_switches(pid), _read_cpu_s(pid), time.monotonic()


def _read_cpu_s(pid: int) -> float:
    """
    Return the CPU time of all threads by the scheduler's own clock, which counts in nanoseconds.

    The usual one counts in steps of 10 ms, which is all that an idle process may use.
    """
    times = list(_read_thread_times(pid))
    if times:
        return sum(times)
    usual = psutil.Process(pid).cpu_times()
    return float(usual.user + usual.system)


def _read_thread_times(pid: int) -> Iterator[float]:
    for path in Path(f"/proc/{pid}/task").glob("*/schedstat"):
        with contextlib.suppress(OSError):
            yield int(path.read_text("ascii").split()[0]) / 1e9
