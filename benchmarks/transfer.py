"""
How fast data moves, and what CPU that takes: commands and SFTP, through ``ssh -W`` and without.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.clients.transfer import OPERATIONS
from benchmarks.figures import Round
from benchmarks.program import Broken, run_program
from benchmarks.subjects import describe_host, in_turns
from paramiko_gate.servers.choice import run_chosen_site
from paramiko_gate.target import Subject

MEGABYTE = 1_000_000
#: A transfer may take this long, in seconds: a fixed part, and at a crawl of a megabyte a second.
LIMIT_S = 60.0
LIMIT_EACH_S = 1.0


def run(
    subjects: dict[str, Subject],
    megabytes: int,
    rounds: int,
    directory: Path,
    tell: Callable[[str], None],
    done: list[Round],
) -> None:
    """
    Run all rounds; each is a process of its own with one connection and one transfer.

    :param dict subjects: the libraries by name
    :param int megabytes: of each transfer
    :param int rounds: of each library with each kind of transfer
    :param Path directory: for servers and data; empty
    :param tell: is told what is done next
    :param list done: gets each round when it has ended
    :raises GateError: a server cannot be started
    """
    data = directory / "data"
    servers = directory / "servers"
    servers.mkdir()
    with data.open("wb") as file:
        file.truncate(megabytes * MEGABYTE)
    with run_chosen_site("auto", servers) as site:
        through = "ssh -W" if site.kind == "openssh" else "asyncssh jump"
        ways = {through: site.bastion.proxy_command(site.host), "plain socket": None}
        for number in range(rounds):
            for way, command in ways.items():
                for operation in OPERATIONS:
                    case = f"{operation}, {way}"
                    order = {
                        **describe_host(site.host),
                        "proxy_command": command,
                        "operation": operation,
                        "remote": str(data),
                        "bytes": megabytes * MEGABYTE,
                    }
                    for library, subject in in_turns(subjects, number):
                        tell(f"{case}, round {number + 1} of {rounds}, {library}")
                        facts = {"server": site.kind, "megabytes": megabytes}
                        try:
                            figures = _measure(subject, order)
                            done.append(Round(case, library, number, figures, facts))
                        except Broken as error:
                            done.append(Round(case, library, number, {}, facts, str(error)))


def _measure(subject: Subject, order: dict[str, Any]) -> dict[str, float]:
    megabytes = order["bytes"] / MEGABYTE
    with run_program(subject, "transfer.py") as program:
        program.tell(order)
        answer = program.hear(LIMIT_S + LIMIT_EACH_S * megabytes)
    if answer["bytes"] != order["bytes"]:
        raise Broken(f"{answer['bytes']} of {order['bytes']} bytes arrived")
    return {
        "MB/s": megabytes / answer["seconds"],
        "CPU s/GB": answer["cpu_s"] / (megabytes / 1000),
    }
