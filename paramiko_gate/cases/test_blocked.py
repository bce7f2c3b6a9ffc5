"""The proxy dies while a caller waits for output of a silent command."""

from __future__ import annotations

import pytest

from paramiko_gate.faults import DEATHS, Fault
from paramiko_gate.trial import Trial


@pytest.mark.parametrize("fault", DEATHS, ids=lambda fault: fault.name)
def test_blocked_recv(trial: Trial, fault: Fault) -> None:
    """A caller blocked in Channel.recv gets the failure at once."""
    check_blocked(trial, fault, "receive")


@pytest.mark.parametrize("fault", DEATHS, ids=lambda fault: fault.name)
def test_blocked_read(trial: Trial, fault: Fault) -> None:
    """A caller blocked in the read of a file-like object gets the failure at once."""
    check_blocked(trial, fault, "read")


def check_blocked(trial: Trial, fault: Fault, order: str) -> None:
    """Block the client in an order, strike, and check what follows."""
    trial.connect(trial.offer_proxy(fault))
    trial.block_in(order)
    trial.strike()
    trial.check_error(order)
    trial.check_rest()
    trial.check_release()
