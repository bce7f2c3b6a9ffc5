"""The proxy dies, or cannot get through, while the client connects."""

from __future__ import annotations

import pytest

from paramiko_gate import budgets
from paramiko_gate.faults import DEATHS, Fault
from paramiko_gate.trial import Trial


@pytest.mark.parametrize("fault", DEATHS, ids=lambda fault: fault.name)
def test_connect(trial: Trial, fault: Fault) -> None:
    """A connect that waits for the host's banner fails at once, not after banner_timeout."""
    silent = trial.listen_silently()
    trial.begin_connect(trial.offer_proxy(fault, silent.getsockname()[1]))
    # Whoever arrives here came through the bastion: the client is waiting for a banner now.
    connection, _ = silent.accept()
    trial.keep_open(connection)
    trial.find_proxy()
    trial.strike()
    trial.check_error("connect")
    trial.check_rest()
    trial.check_release()


def test_refused_by_bastion(trial: Trial) -> None:
    """A login that the bastion refuses fails in seconds, with the bastion's own words."""
    refused = trial.site.refusing_bastion.proxy_command(trial.site.host)
    began_s = trial.begin_connect(refused)
    trial.check_failure_of("connect", began_s, budgets.REFUSAL_BUDGET_S, "Permission denied")
    trial.check_release()
