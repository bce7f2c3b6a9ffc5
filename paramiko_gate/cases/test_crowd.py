"""Many proxies die at once."""

from __future__ import annotations

from paramiko_gate import budgets
from paramiko_gate.faults import KILLED
from paramiko_gate.trial import Trial


def test_crowd(trial: Trial) -> None:
    """Twenty dead and closed connections leave no process, zombie, descriptor or thread."""
    command = trial.offer_proxy(KILLED)
    proxies: list[int] = []
    while len(proxies) < budgets.CROWD:
        # In waves: twenty logins at once on a small machine would outlast stock's time limits.
        for _ in range(budgets.WAVE):
            trial.begin_connect(command)
        proxies += [trial.await_connected() for _ in range(budgets.WAVE)]
    trial.kill(proxies)
    trial.check_release()
    trial.check_processes_gone(proxies)
