"""
The command ``paramiko-gate doctor``: its options, its stages in order, its exit code.

Exit codes: 0 nothing found, 1 something found, 2 wrong usage.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import psutil

from paramiko_gate.doctor.activity import measure
from paramiko_gate.doctor.census import Census, take_census
from paramiko_gate.doctor.diagnosis import diagnose, diagnose_orphan
from paramiko_gate.doctor.proxies import Pipes, find_orphans, proxies_of
from paramiko_gate.doctor.report import Examination, Patient, print_json, print_report
from paramiko_gate.errors import EXIT_FAIL, EXIT_PASS, GateError
from paramiko_gate.report import make_console


def run_doctor(options: argparse.Namespace) -> int:
    """
    Examine processes and print what is wrong with them; return the exit code.

    Blocks for ``options.sample`` seconds and for as long as reading /proc takes.

    :raises GateError: this is not Linux, or a process that was asked for cannot be read
    """
    if not Path("/proc/self/task").is_dir():
        raise GateError(
            "the doctor cannot look into processes on this system", wanted="Linux with /proc"
        )
    examination = examine(options.pids, options.sample, options.older_than)
    if options.json:
        print_json(examination)
    else:
        print_report(examination, make_console())
    return EXIT_PASS if examination.is_healthy else EXIT_FAIL


def examine(pids: list[int], window_s: float, older_than_s: float) -> Examination:
    """
    Look at processes for ``window_s`` seconds and return what was found.

    What is there before and after is counted alone: a proxy that is just starting or being reaped
    is nothing to report.

    :raises GateError: a process that was asked for is not there or may not be read
    """
    census = _census(pids)
    pipes = Pipes()
    before = {suspect.pid: proxies_of(suspect.pid, pipes) for suspect in census.suspects}
    dead_ends = {pid: pipes.dead_ends(pid) for pid in before}
    orphans = set() if pids else {(proxy.pid, proxy.started) for proxy in find_orphans(pipes)}
    activities = measure(list(before), window_s)
    pipes = Pipes()
    patients = []
    for suspect in census.suspects:
        activity = activities.get(suspect.pid)
        if activity is None:
            continue  # it ended meanwhile
        seen = {(proxy.pid, proxy.started, proxy.is_zombie) for proxy in before[suspect.pid]}
        proxies = [
            proxy
            for proxy in proxies_of(suspect.pid, pipes)
            if (proxy.pid, proxy.started, proxy.is_zombie) in seen
        ]
        keeps_dead_proxy = dead_ends[suspect.pid].of_dead_proxy(
            pipes.dead_ends(suspect.pid), proxies
        )
        findings = diagnose(suspect, activity, proxies, keeps_dead_proxy, older_than_s)
        patients.append(Patient(suspect, activity, proxies, findings))
    lasting = [
        (proxy, diagnose_orphan(proxy))
        for proxy in (find_orphans(pipes) if orphans else [])
        if (proxy.pid, proxy.started) in orphans
    ]
    return Examination(patients, lasting, census.unreadable)


def _census(pids: list[int]) -> Census:
    try:
        return take_census(pids)
    except psutil.NoSuchProcess as error:
        raise GateError(
            f"there is no process {error.pid}",
            wanted="the pid of a running process",
            hint="without a pid all processes are looked at",
        ) from error
    except psutil.AccessDenied as error:
        raise GateError(
            f"process {error.pid} may not be read",
            wanted="a process of this user",
            got=f"user id {os.getuid()}",
            hint="run it as root, or as the user of that process",
        ) from error


def add_options(doctor: argparse.ArgumentParser) -> None:
    """Add the options of the command to its parser."""
    doctor.add_argument("pids", metavar="PID", type=_pid, nargs="*", help="look at these only")
    doctor.add_argument(
        "--sample", metavar="S", type=_seconds, default=2.0, help="measure for S seconds (2)"
    )
    doctor.add_argument(
        "--older-than",
        metavar="S",
        type=_seconds,
        default=86_400.0,
        help="call a proxy forgotten after S seconds (86400)",
    )
    doctor.add_argument("--json", action="store_true", help="print JSON instead of lines")


def _pid(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is no process id")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0.1 <= seconds <= 1e9:
        raise argparse.ArgumentTypeError(f"{text} is no number of seconds, 0.1 or more")
    return seconds
