"""
What the death of a proxy costs: time to the error, CPU and wake-ups after it, close, memory.

Each round is a process of its own that connects through a real ``ssh -W``.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

from benchmarks.figures import Round
from benchmarks.program import Broken, run_program
from benchmarks.subjects import describe_host
from paramiko_gate.servers.choice import run_chosen_site
from paramiko_gate.target import Subject

MEASUREMENTS = ("detection", "aftermath", "close", "memory")
#: No round takes longer than this, in seconds.
ROUND_LIMIT_S = 60.0


def run(
    subjects: dict[str, Subject],
    rounds: int,
    chance: random.Random,
    directory: Path,
    tell: Callable[[str], None],
    done: list[Round],
) -> None:
    """
    Run all rounds of each measurement, behind a real ``ssh -W``.

    :param dict subjects: the libraries by name
    :param chance: draws the order of a round
    :param Path directory: for the servers, empty
    :param tell: is told what is done next
    :param list done: gets each round when it has ended; what never came is not among its figures
    :raises GateError: there is no OpenSSH, or it cannot be started
    """
    with run_chosen_site("openssh", directory) as site:
        order = {
            **describe_host(site.host),
            "proxy_command": site.bastion.proxy_command(site.host),
        }
        for number in range(rounds):
            for measurement in MEASUREMENTS:
                for name, subject in chance.sample(list(subjects.items()), len(subjects)):
                    case = f"death, {measurement}"
                    tell(f"{case}, round {number + 1} of {rounds}, {name}")
                    try:
                        with run_program(subject, "death.py") as program:
                            program.tell({**order, "measurement": measurement})
                            answer = program.hear(ROUND_LIMIT_S)
                    except Broken as error:
                        done.append(Round(case, name, number, error=str(error)))
                        continue
                    figures = {
                        key: float(value) for key, value in answer.items() if value is not None
                    }
                    done.append(Round(case, name, number, figures))
