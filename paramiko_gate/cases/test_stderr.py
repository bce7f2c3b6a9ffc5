"""The proxy writes far more to standard error than a pipe holds."""

from __future__ import annotations

from paramiko_gate import budgets
from paramiko_gate.trial import Trial


def test_chatty_before_connect(trial: Trial) -> None:
    """A proxy that chatters before it relays does not keep anybody from connecting."""
    began_s = trial.begin_connect(trial.offer_relay(trial.real_proxy(), budgets.CHATTER_BYTES))
    trial.check_answer("connect", began_s)
    trial.check_release()


def test_chatty_during_session(trial: Trial) -> None:
    """A proxy that chatters in the middle of a session does not freeze it."""
    trial.connect(trial.offer_relay(trial.real_proxy()))
    trial.relay.send_order(f"flood-stderr {budgets.CHATTER_BYTES}")
    began_s = trial.client.order("run", command="echo reached")
    trial.check_answer("run", began_s)
    trial.check_release()
