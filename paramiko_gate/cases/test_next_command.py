"""The proxy dies and the very next thing is a command."""

from __future__ import annotations

import pytest

from paramiko_gate.faults import DEATHS, Fault
from paramiko_gate.trial import Trial


@pytest.mark.parametrize("fault", DEATHS, ids=lambda fault: fault.name)
def test_next_command(trial: Trial, fault: Fault) -> None:
    """The command that follows the death at once gets the failure, and nothing spins after it."""
    trial.connect(trial.offer_proxy(fault))
    trial.strike()
    trial.client.order("run", command="echo unreachable")
    trial.check_error("run")
    trial.check_rest()
    trial.check_release()
