"""
Fixtures of the ProxyCommand tests: open a proxy, and check every test for leaks.

Also the list of what the library's path for Windows does not promise.
"""

from __future__ import annotations

import contextlib
import sys
import warnings
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

#: A read that a test expects to succeed gives up after this, so that stock fails and never hangs.
READ_LIMIT_S = 5.0

STATUS_TAKEN = "on Windows nobody can take a status away: whoever has a handle can read it"
DESCENDANTS = "only Linux tells a process's descendants, and only POSIX has sessions to signal"
PIPE_SIZE = "on Windows the size of a pipe is settled when it is made"
GREENLETS = "under gevent the threads are greenlets, and the calls that they make block the hub"

#: What fails with ``--pipes threaded``, and why it may. Each must be there, and must fail.
NOT_THREADED = {
    "test_close.py::test_close_ends_the_child_of_a_living_shell": DESCENDANTS,
    "test_close.py::test_close_ends_the_whole_group_when_proxy_leads_a_session": DESCENDANTS,
    "test_close.py::test_close_returns_in_time_and_process_goes_when_proxy_is_stubborn"
    "[shell-before-stalled]": DESCENDANTS,
    "test_gevent.py::test_hub_runs_on_during[close-of-a-stubborn-proxy]": GREENLETS,
    "test_gevent.py::test_hub_runs_on_during[close-that-wakes-a-reader]": GREENLETS,
    "test_gevent.py::test_hub_runs_on_during[flooded-stderr]": GREENLETS,
    "test_gevent.py::test_hub_runs_on_during[recv-of-a-dead-proxy]": GREENLETS,
    "test_gevent.py::test_hub_runs_on_during[recv-that-times-out]": GREENLETS,
    "test_gevent.py::test_hub_runs_on_during[recv-that-waits]": GREENLETS,
    "test_gevent.py::test_hub_runs_on_during[send-that-waits]": GREENLETS,
    "test_gevent.py::test_hub_runs_on_during[twenty-relays-at-once]": GREENLETS,
    "test_send.py::test_input_holds_more_once_it_was_full": PIPE_SIZE,
    "test_send.py::test_send_goes_on_when_the_system_refuses_a_larger_pipe": PIPE_SIZE,
    "test_status.py::test_close_raises_nothing_when_sigchld_is_ignored": STATUS_TAKEN,
    "test_status.py::test_recv_says_status_unknown_when_the_program_has_waited_for_the_child": (
        STATUS_TAKEN
    ),
}
if sys.version_info[:2] == (3, 12):
    NOT_THREADED["test_interpreter_exit.py::test_program_can_use_the_proxy_in_an_exit_hook"] = (
        "in 3.12 alone no thread can start once the exit hooks run"
    )

_reason: pytest.StashKey[str] = pytest.StashKey()
_failed: pytest.StashKey[bool] = pytest.StashKey()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """
    Note what may fail; refuse an exclusion of a test that is no longer there.

    :raises pytest.UsageError: a whole module was collected, and a test of the list was not in it
    """
    if config.getoption("pipes") != "threaded":
        return
    here = Path(__file__).parent
    found: dict[str, pytest.Item] = {
        f"{item.path.name}::{item.nodeid.partition('::')[2]}": item
        for item in items
        if item.path.parent == here
    }
    collected = {item.path.name for item in items}
    single_tests = any("::" in argument for argument in config.args)
    for name, reason in NOT_THREADED.items():
        module = name.partition("::")[0]
        if name in found:
            found[name].stash[_reason] = reason
        elif not (here / module).exists() or (module in collected and not single_tests):
            raise pytest.UsageError(f"NOT_THREADED names a test that is not there: {name}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """
    Let a test of the list fail, in whichever phase; it is an error if it fails in none.
    """
    report = yield
    reason = item.stash.get(_reason, None)
    if reason is None:
        return report
    if report.failed:
        item.stash[_failed] = True
        report.outcome = "skipped"
        report.wasxfail = reason
    elif report.when == "teardown" and not item.stash.get(_failed, False):
        report.outcome = "failed"
        report.longrepr = f"NOT_THREADED says that this fails, and it does not: {reason}"
    return report


@pytest.fixture(autouse=True)
def no_leaks(leak_check: Callable[[Callable[[], None]], None]) -> None:
    """
    Put every test of this folder under the leak check.
    """


@pytest.fixture
def failure(paramiko: ModuleType) -> Any:
    """
    Return the exception class that reports the death of a proxy.
    """
    return paramiko.ProxyCommandFailure


@pytest.fixture
def open_proxy(
    paramiko: ModuleType, leak_check: Callable[[Callable[[], None]], None]
) -> Iterator[Callable[..., Any]]:
    """
    Return a function that starts a ProxyCommand; what it started is closed after the test.

    Closing is all that happens here, as in a program. What that leaves is the leak check's.
    """
    opened: list[Any] = []

    def open_one(command: Any, timeout_s: float | None = READ_LIMIT_S, **options: Any) -> Any:
        proxy = paramiko.ProxyCommand(command, **options)
        opened.append(proxy)
        leak_check(lambda: rescue(proxy))
        proxy.settimeout(timeout_s)
        return proxy

    yield open_one
    for proxy in opened:
        proxy.close()


def rescue(proxy: Any) -> None:
    """
    End a proxy that its library has leaked, with everything that blocks or spins on it.
    """
    proxy.process.kill()
    with contextlib.suppress(Exception):
        proxy.process.wait(1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        for stream in (proxy.process.stdin, proxy.process.stdout, proxy.process.stderr):
            with contextlib.suppress(Exception):
                stream.close()
