"""The proxy dies while nobody asks anything of the session."""

from __future__ import annotations

import pytest

from paramiko_gate import budgets
from paramiko_gate.faults import DEATHS, Fault
from paramiko_gate.trial import Trial


@pytest.mark.parametrize("fault", DEATHS, ids=lambda fault: fault.name)
def test_idle(trial: Trial, fault: Fault) -> None:
    """A session at rest ends by itself, costs nothing and refuses the next command."""
    trial.connect(trial.offer_proxy(fault))
    trial.client.order("watch")
    trial.strike()
    trial.check_end()
    trial.check_rest(budgets.IDLE_WINDOW_S)
    trial.check_next_command()
    trial.check_release()
