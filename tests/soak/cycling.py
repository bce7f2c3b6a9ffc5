"""
Does the same thing many times, with chance, and counts what this process then holds more.

Runs in a program of its own. Each cycle draws from a generator of its own, made from the seed and
the cycle's number: a failed one is named by both, and can be run again without those before it.
"""

from __future__ import annotations

import json
import os
import random
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from benchmarks.clients.cycles import count, settled

#: Runs this cycle alone, as often as was ordered: ``SOAK_CYCLE=4711 pytest ... --seed 1277``.
ONLY = "SOAK_CYCLE"


def run(cycle: Callable[[random.Random], str], order: dict[str, Any]) -> None:
    """
    Run the cycles, and print what came of them as one JSON line.

    :param cycle: does it once; returns a word for what was drawn
    :param dict order: ``seed``, ``cycles``, and how many go before the counting as ``warm_up``
    :raises AssertionError: a cycle failed; says how to run it again
    """
    drawn: Counter[str] = Counter()

    def run_one(number: int) -> None:
        number = int(os.environ.get(ONLY, number))
        try:
            drawn[cycle(random.Random(f"{order['seed']}/{number}"))] += 1
        except BaseException as error:
            again = f"{ONLY}={number} pytest ... --seed {order['seed']}"
            raise AssertionError(f"cycle {number} failed; again: {again}") from error

    start = count()
    for number in range(order["warm_up"]):
        run_one(number)
    before = settled(start)
    started = time.monotonic()
    for number in range(order["warm_up"], order["warm_up"] + order["cycles"]):
        run_one(number)
    seconds = time.monotonic() - started
    after = settled(before)
    left = {name: after[name] - before[name] for name in after}
    print(json.dumps({"left": left, "seconds": seconds, "drawn": drawn}), flush=True)
