"""
What is left of many connections whose proxy was killed under a blocked call.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from benchmarks.figures import Round
from benchmarks.program import Broken, run_program
from benchmarks.subjects import describe_host
from paramiko_gate.servers.choice import run_chosen_site
from paramiko_gate.target import Subject

#: Before anything is counted, so that what a library loads only once is there.
WARM_UP = 20

#: Stock spins for ever on each dead proxy: more would only show how slow that makes the machine.
STOCK_CYCLES = 20

#: A cycle may take this long, in seconds, and all of them a while beside.
LIMIT_S = 60.0
LIMIT_EACH_S = 5.0


def run(
    subjects: dict[str, Subject],
    cycles: int,
    directory: Path,
    tell: Callable[[str], None],
    done: list[Round],
) -> None:
    """
    Run the cycles of each library in one process, through ``ssh -W`` where there is OpenSSH.

    :param dict subjects: the libraries by name
    :param int cycles: of a fork; others do `STOCK_CYCLES` at the most
    :param Path directory: for servers; empty
    :param tell: is told what is done next
    :param list done: gets each round when it has ended
    :raises GateError: a server cannot be started
    """
    with run_chosen_site("auto", directory) as site:
        for library, subject in subjects.items():
            is_fork = library.startswith("fork")
            number = cycles if is_fork else min(cycles, STOCK_CYCLES)
            warm_up = WARM_UP if is_fork else 0
            order = {
                **describe_host(site.host),
                "proxy_command": site.bastion.proxy_command(site.host),
                "cycles": number,
                "warm_up": warm_up,
            }
            tell(f"{number} cycles, {library}")
            facts = {"server": site.kind, "cycles": number, "warm_up": warm_up}
            try:
                with run_program(subject, "cycles.py") as program:
                    program.tell(order)
                    answer = program.hear(LIMIT_S + LIMIT_EACH_S * (number + warm_up))
            except Broken as error:
                done.append(Round("kill cycles", library, 0, {}, facts, str(error)))
                continue
            figures = {name: float(value) for name, value in answer.items()}
            done.append(Round("kill cycles", library, 0, {"cycles": number, **figures}, facts))
