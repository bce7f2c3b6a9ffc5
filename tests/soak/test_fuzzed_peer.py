"""
Servers that talk nonsense: no call hangs, spins, or raises what its caller does not expect.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from soak import program
from soak.extent import Extent

from benchmarks.subjects import describe_host

if TYPE_CHECKING:
    from paramiko_gate.servers.endpoint import Host

#: Runs this case alone: ``SOAK_CASE=4711 pytest ... --seed 1277``.
ONLY = "SOAK_CASE"

#: What all cases together may take, in seconds: a fixed part, and one for each.
LIMIT_S = 60.0
LIMIT_EACH_S = 0.6


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("lies", ["on the way", "at the server"], ids=["wire", "messages"])
def test_a_lying_server_gives_documented_errors_in_time(
    lies: str,
    target: str,
    extent: Extent,
    seed: int,
    host: Host,
    figure: Callable[[str], None],
) -> None:
    """
    What a real `sshd` says is garbled on its way; messages are garbled before they are encrypted.
    """
    only = os.environ.get(ONLY)
    cases = extent.fuzzed if only is None else 1
    order: dict[str, Any] = {
        **describe_host(host),
        "seed": seed,
        "first": int(only or 0),
        "cases": cases,
        "lies": lies,
        "proxied": True,
    }
    answer = program.run("fuzzed_client", target, order, LIMIT_S + LIMIT_EACH_S * cases)

    outcomes = ", ".join(f"{count} x {what}" for what, count in sorted(answer["outcomes"].items()))
    left = answer["left"]
    figure(
        f"{cases} sessions in {answer['seconds']:.0f} s, slowest {answer['slowest_s']:.1f} "
        f"s, {answer['cpu_s']:.1f} s of CPU; left: {left}; {outcomes}"
    )
    found = "\n\n".join(answer["found"][:20])
    again = f"again, one alone: {ONLY}=CASE pytest ... --seed {seed}"
    assert not found, f"{again}\n{found}"
    assert [left[name] for name in ("zombies", "children", "descriptors", "threads")] == [0] * 4
