"""
Decide what is wrong with a process, and what to do about it.

Role: fourth stage of the doctor; decides on what the others have read and looks at nothing itself.
"""

from __future__ import annotations

from dataclasses import dataclass

from paramiko_gate.doctor.activity import Activity
from paramiko_gate.doctor.census import Suspect
from paramiko_gate.doctor.proxies import Proxy

HEALTHY = "healthy"
SPINNING = "spinning"
ZOMBIES = "zombies"
LEAKED = "leaked proxies"
ORPHAN = "orphan"


@dataclass(frozen=True)
class Finding:
    """
    Say one thing that is wrong.

    :param str kind: one of the names in this module
    :param str what: in half a line
    :param str advice: what to do
    """

    kind: str
    what: str
    advice: str


def diagnose(
    suspect: Suspect,
    activity: Activity,
    proxies: list[Proxy],
    keeps_dead_proxy: bool,
    older_than_s: float,
) -> list[Finding]:
    """
    Return what is wrong with a process; nothing means that it is healthy.

    :param list proxies: those that were there before and after the activity was measured
    :param bool keeps_dead_proxy: it has the pipes of a proxy that is gone
    :param float older_than_s: a living proxy of that age, in seconds, is taken for forgotten
    """
    findings = []
    installed = suspect.installations
    is_fork = bool(installed) and all(found.is_fork for found in installed)
    zombies = [proxy for proxy in proxies if proxy.is_zombie]
    living = [proxy for proxy in proxies if not proxy.is_zombie]
    # Others read nothing again and again as well, such as who waits for the end of a file to grow.
    if activity.spinning_threads and suspect.uses_paramiko and keeps_dead_proxy:
        findings.append(
            Finding(
                SPINNING,
                f"spins on a dead proxy (paramiko#1277): {_count(activity.spinning_threads)} "
                f"{'makes' if activity.spinning_threads == 1 else 'make'} "
                f"{activity.empty_reads_per_s:,.0f} empty reads a second, "
                f"{activity.cpu_fraction:.0%} of a core",
                "restart it: its callers hang and will not be told"
                + ("" if is_fork else "; install the fork in its place"),
            )
        )
    if zombies:
        findings.append(
            Finding(
                ZOMBIES,
                f"{len(zombies)} dead {_plural('proxy', len(zombies))} not reaped: "
                f"{_pids(zombies)}",
                "close() does not reap on stock: they go with the process"
                if not is_fork
                else "close the clients whose proxies died",
            )
        )
    unheld = [proxy for proxy in living if not proxy.is_held]
    old = [proxy for proxy in living if proxy.is_held and proxy.age_s > older_than_s]
    leaks = []
    if unheld:
        leaks.append(f"nobody holds the other end of {_pids(unheld)}")
    if old:
        leaks.append(f"older than {older_than_s:,.0f} s: {_pids(old)}")
    if leaks:
        findings.append(
            Finding(
                LEAKED,
                "; ".join(leaks),
                "close clients when their work is done (Fabric 1: disconnect_all after each task)",
            )
        )
    return findings


def diagnose_orphan(proxy: Proxy) -> Finding:
    """Return what is said of a proxy that has outlived its program."""
    return Finding(
        ORPHAN,
        f"has outlived its program and relays for nobody, {proxy.age_s:,.0f} s old",
        f"kill {proxy.pid}",
    )


def _count(threads: int) -> str:
    return f"{threads} {_plural('thread', threads)}"


def _plural(word: str, count: int) -> str:
    if count == 1:
        return word
    return word[:-1] + "ies" if word.endswith("y") else word + "s"


def _pids(proxies: list[Proxy]) -> str:
    shown = ", ".join(f"{proxy.pid} {proxy.command.split(' ')[0]}" for proxy in proxies[:5])
    return shown + (f" and {len(proxies) - 5} more" if len(proxies) > 5 else "")
