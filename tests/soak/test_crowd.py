"""
Hundreds of proxies die at the same moment: everybody is told within a second, nothing is left.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from soak import program
from soak.extent import Extent

from benchmarks.idle import AT_A_TIME, choose_relay
from benchmarks.subjects import describe_host
from paramiko_gate.servers.choice import run_chosen_site

if TYPE_CHECKING:
    from paramiko_gate.servers.endpoint import Site

#: What the contract promises, for any number of connections.
TOLD_S = 1.0

#: Logins of a busy machine: a fixed part, and one for each, in seconds.
LIMIT_S = 40.0
LIMIT_EACH_S = 0.5


@pytest.mark.measured
@pytest.mark.timeout(900)
@pytest.mark.parametrize("logs", [True, False], ids=["logging", "silent"])
@pytest.mark.parametrize("way", ["relay", "ssh-W"])
def test_every_blocked_caller_is_told_in_time_when_all_proxies_are_killed_at_once(
    way: str,
    logs: bool,
    target: str,
    extent: Extent,
    gate_site: Site,
    tmp_path: Path,
    figure: Callable[[str], None],
) -> None:
    """
    Each is in one of four calls; each is told of the signal, a second after it at the latest.

    A thousand of OpenSSH's server processes would end together with the proxies, on the same
    cores; so those who come through the relay have one asyncssh server.
    """
    with contextlib.ExitStack() as servers:
        if way == "relay":
            site = servers.enter_context(run_chosen_site("embedded", tmp_path))
            name, command = choose_relay(site.host.address, site.host.port)
            connections = extent.relayed
        else:
            site = gate_site
            name, command = "ssh -W", site.bastion.proxy_command(site.host)
            connections = extent.jumped
        order = {
            **describe_host(site.host),
            "proxy_command": command,
            "connections": connections,
            "at_a_time": AT_A_TIME,
            "logs": logs,
        }
        answer = program.run("crowd", target, order, LIMIT_S + LIMIT_EACH_S * connections)

    left = answer["left"]
    figure(
        f"{connections} connections through {name} to {site.kind}, open after "
        f"{answer['seconds']:.0f} s; all killed in {answer['kill_s']:.3f} s; each told after "
        f"{answer['median_s']:.3f} s (median), {answer['worst_s']:.3f} s (worst), all of them "
        f"{answer['all_s']:.3f} s after the first kill; CPU {answer['cpu_s']:.2f} s; left: {left}"
    )
    assert answer["outcomes"] == {"told": connections}
    assert answer["worst_s"] < TOLD_S
    assert [left[name] for name in ("zombies", "children", "descriptors", "threads")] == [0] * 4
