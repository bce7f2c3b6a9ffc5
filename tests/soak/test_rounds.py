"""
Eight threads connect, run, and have their proxies killed, for minutes: nothing stays or grows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from soak import program
from soak.extent import Extent

from benchmarks.subjects import describe_host

if TYPE_CHECKING:
    from paramiko_gate.servers.endpoint import Host

THREADS = 8
GROWTH_LIMIT_KIB = 5 * 1024

#: What the program may take beside the time that was ordered, in seconds.
LIMIT_S = 150.0


@pytest.mark.timeout(1200)
def test_nothing_stays_or_grows_when_threads_lose_their_proxies_for_minutes(
    target: str,
    extent: Extent,
    seed: int,
    host: Host,
    proxy_command: str,
    figure: Callable[[str], None],
) -> None:
    """
    Real ``ssh -W`` and commands; every caller is told, and every thread can go on.
    """
    order: dict[str, Any] = {
        **describe_host(host),
        "proxy_command": proxy_command,
        "threads": THREADS,
        "seconds": extent.rounds_s,
        "seed": seed,
    }
    answer = program.run("rounds", target, order, extent.rounds_s * 1.2 + LIMIT_S)

    left = answer["left"]
    rounds = ", ".join(f"{count} x {how}" for how, count in sorted(answer["rounds"].items()))
    figure(
        f"{sum(answer['rounds'].values())} rounds of {THREADS} threads in {extent.rounds_s:g} s "
        f"(proxy killed: {rounds}); told after {answer['median_s']:.3f} s (median), "
        f"{answer['worst_s']:.3f} s (worst); left: {left}"
    )
    assert [left[name] for name in ("zombies", "children", "descriptors", "threads")] == [0] * 4
    assert left["RSS KiB"] < GROWTH_LIMIT_KIB
