"""
Whatever is done to a proxy, in whatever order: it is two streams of bytes and an end with a reason.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any

import hypothesis
import pytest
from hypothesis.errors import HypothesisException
from hypothesis.stateful import run_state_machine_as_test
from soak.extent import Extent
from soak.stream_model import Stream

#: Things that happen to one proxy.
STEPS = 40

#: Proxies that are enough to meet a library that is plainly wrong.
ENOUGH = 300


def hold_against_model(
    paramiko: Any, pipes: str, seed: int, proxies: int, **options: Any
) -> Counter[str]:
    """
    Return how often what happened was what the model says.

    :param paramiko: has `ProxyCommand` and `ProxyCommandFailure`
    :param int proxies: how many of them are started
    :raises AssertionError: it was something else
    """
    seen: Counter[str] = Counter()
    members = {"paramiko": paramiko, "threaded": pipes == "threaded", "steps": seen}
    machine: Any = type("Drawn", (Stream,), members)
    settings = hypothesis.settings(
        max_examples=proxies,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        suppress_health_check=list(hypothesis.HealthCheck),
        **options,
    )
    run_state_machine_as_test(hypothesis.seed(seed)(machine), settings=settings)
    return seen


@pytest.mark.timeout(1500)
def test_a_proxy_command_is_what_the_model_says(
    paramiko: ModuleType,
    extent: Extent,
    seed: int,
    pytestconfig: pytest.Config,
    figure: Callable[[str], None],
) -> None:
    """
    No byte is lost, doubled or out of order; the last come before the failure; closing is idle.

    A failure is told as the shortest list of steps that brings it about.
    """
    started = time.monotonic()
    pipes = pytestconfig.getoption("pipes")
    seen = hold_against_model(paramiko, pipes, seed, extent.streams)
    told = ", ".join(f"{count} x {what}" for what, count in sorted(seen.items()))
    figure(f"{extent.streams} proxies, {pipes}, in {time.monotonic() - started:.0f} s: {told}")
    assert set(seen) == {"received", "sent", "failed", "timed out", "was closed"}


def lose(proxy: Any, data: bytes) -> bytes:
    """Lose the last byte of a long read."""
    return data[:-1] if len(data) > 16 else data


def double(proxy: Any, data: bytes) -> bytes:
    """Deliver the first byte of a long read again."""
    return data + data[:1] if len(data) > 16 else data


def reorder(proxy: Any, data: bytes) -> bytes:
    """Deliver a long read backwards."""
    return data[::-1] if len(data) > 16 else data


def overtake(proxy: Any, data: bytes) -> bytes:
    """Tell of the death before the last bytes."""
    if proxy.closed:
        raise proxy._explain("closed its output")
    return data


def stay_silent(proxy: Any, data: bytes) -> bytes:
    """Take a death for a proper end."""
    return data


@pytest.mark.timeout(300)
@pytest.mark.parametrize("wrong", [lose, double, reorder, overtake, stay_silent])
def test_the_model_meets_a_proxy_command_that_is_wrong(
    paramiko: ModuleType, seed: int, pytestconfig: pytest.Config, wrong: Callable[[Any, bytes], Any]
) -> None:
    """
    A check that cannot fail is none.
    """

    class Wrong(paramiko.ProxyCommand):  # type: ignore[misc, name-defined]
        def recv(self, size: int) -> Any:
            try:
                return wrong(self, super().recv(size))
            except paramiko.ProxyCommandFailure:
                if wrong is stay_silent:
                    return b""
                raise

    library = SimpleNamespace(ProxyCommand=Wrong, ProxyCommandFailure=paramiko.ProxyCommandFailure)
    with pytest.raises((AssertionError, HypothesisException)):
        hold_against_model(
            library,
            pytestconfig.getoption("pipes"),
            seed,
            ENOUGH,
            phases=[hypothesis.Phase.generate],
        )
