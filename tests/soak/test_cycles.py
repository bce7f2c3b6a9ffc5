"""
Thousands of proxies and connections come and go, in every way that chance finds: nothing stays.
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

#: What a process may have grown by after all cycles: noise of the allocator.
GROWTH_LIMIT_KIB = 5 * 1024

#: So many of the cycles go before the counting, so that whatever is made once is there.
WARM_UP = 0.1

#: Each cycle may take this long on average, and all of them a while beside, in seconds. A hundred
#: connections alone take ninety on a machine with a load of 20.
LIMIT_S = 240.0
LIMIT_EACH_S = 0.3


@pytest.mark.timeout(4000)
@pytest.mark.parametrize("kind", ["proxy", "connection"])
def test_nothing_stays_of_thousands_that_end_in_drawn_ways(
    kind: str,
    target: str,
    extent: Extent,
    seed: int,
    host: Host,
    figure: Callable[[str], None],
) -> None:
    """
    No zombie, child, descriptor or thread; memory does not grow.
    """
    cycles = extent.proxy_cycles if kind == "proxy" else extent.connection_cycles
    order: dict[str, Any] = {
        **describe_host(host),
        "seed": seed,
        "cycles": cycles,
        "warm_up": int(cycles * WARM_UP),
    }
    limit_s = LIMIT_S + LIMIT_EACH_S * cycles
    answer = program.run(f"{kind}_cycles", target, order, limit_s)

    left = answer["left"]
    drawn = ", ".join(f"{count} x {what}" for what, count in sorted(answer["drawn"].items()))
    figure(f"{cycles} cycles in {answer['seconds']:.0f} s; left: {left}; drawn: {drawn}")
    assert [left[name] for name in ("zombies", "children", "descriptors", "threads")] == [0] * 4
    assert left["RSS KiB"] < GROWTH_LIMIT_KIB
