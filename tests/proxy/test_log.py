"""
The log: a proxy's start and end at DEBUG, and nobody who ends a proxy waits for the log.
"""

from __future__ import annotations

import gc
import logging
import signal
import threading
import warnings
from collections.abc import Callable
from types import ModuleType
from typing import Any

import children
import pytest
from waiting import PROMPT_S, read_to_failure, timed, wait_until

LOGGER = "paramiko.proxy"


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == LOGGER]


@pytest.fixture
def debug(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """
    Return the log of proxies, from DEBUG on.
    """
    caplog.set_level(logging.DEBUG, LOGGER)
    return caplog


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (children.exits(3), "exited with status 3"),
        (children.KILLED, f"was killed by signal {signal.SIGKILL} (SIGKILL)"),
    ],
    ids=["exits", "killed"],
)
def test_start_and_end_of_a_proxy_that_dies_are_logged_once(
    open_proxy: Callable[..., Any],
    failure: Any,
    debug: pytest.LogCaptureFixture,
    command: str,
    words: str,
) -> None:
    """
    The start has pid and command, the end has the status.
    """
    proxy = open_proxy(command)
    read_to_failure(proxy, failure)
    wait_until(lambda: len(said(debug)) == 2, PROMPT_S, "the record of the end")
    proxy.close()
    pid = proxy.process.pid
    assert said(debug) == [f"Started proxy {pid}: {' '.join(proxy.cmd)}", f"Proxy {pid} {words}"]
    assert {record.levelno for record in debug.records} == {logging.DEBUG}


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (children.RELAY, "exited with status 0"),
        (children.STALLED, "was killed by signal 15 (SIGTERM)"),
        (children.IGNORES_SIGTERM, "was killed by signal 9 (SIGKILL)"),
    ],
    ids=["relay", "stalled", "ignores-sigterm"],
)
def test_end_of_a_proxy_that_is_closed_is_logged(
    open_proxy: Callable[..., Any], debug: pytest.LogCaptureFixture, command: str, words: str
) -> None:
    """
    Also when the end comes long after ``close`` has returned.
    """
    proxy = open_proxy(command)
    if command == children.IGNORES_SIGTERM:
        assert proxy.recv(5) == b"ready"
    proxy.close()
    wait_until(lambda: len(said(debug)) == 2, 10, "the record of the end")
    assert said(debug)[1] == f"Proxy {proxy.process.pid} {words}"


def test_end_of_a_proxy_that_is_dropped_is_logged(
    paramiko: ModuleType, debug: pytest.LogCaptureFixture
) -> None:
    """
    Nobody has a reference to it any more.
    """
    proxy = paramiko.ProxyCommand(children.RELAY)
    pid = proxy.process.pid
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        del proxy
        gc.collect()
    wait_until(lambda: f"Proxy {pid} exited with status 0" in said(debug), PROMPT_S, "its end")


def test_nothing_is_logged_above_debug(
    open_proxy: Callable[..., Any], failure: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """
    Must not change: a program that does not ask sees nothing of it.
    """
    caplog.set_level(logging.INFO, LOGGER)
    read_to_failure(open_proxy(children.exits(3)), failure)
    open_proxy(children.RELAY).close()
    assert not caplog.records


@pytest.mark.fault
@pytest.mark.parametrize("ending", ["close", "drop"])
def test_nobody_who_ends_a_proxy_waits_for_a_handler_that_blocks(
    paramiko: ModuleType, debug: pytest.LogCaptureFixture, ending: str
) -> None:
    """
    The handler goes on only when the closer, or the collector, is done.
    """
    done, told = threading.Event(), threading.Event()

    class Blocks(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.getMessage().endswith("exited with status 0"):
                assert done.wait(20)
                told.set()

    handler = Blocks()
    logger = logging.getLogger(LOGGER)
    logger.addHandler(handler)
    try:
        kept = [paramiko.ProxyCommand(children.RELAY)]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            end = kept[0].close if ending == "close" else kept.clear
            assert timed(end) < PROMPT_S
        done.set()
        assert told.wait(10)
    finally:
        done.set()
        logger.removeHandler(handler)


@pytest.mark.parametrize("state", ["", "proxy.close()", "del proxy"])
def test_program_that_logs_everything_exits_in_silence(target: str, state: str) -> None:
    """
    At exit handlers are closed, and a record that comes then would be a traceback.
    """
    ended = children.end_program(
        f"""
        import logging, tempfile, warnings
        warnings.simplefilter("ignore", ResourceWarning)
        log = tempfile.NamedTemporaryFile()
        logging.basicConfig(filename=log.name, level=logging.DEBUG)
        proxy = paramiko.ProxyCommand({children.RELAY!r})
        {state}
        """,
        target,
        timeout_s=15,
    )
    assert (ended.returncode, ended.stderr) == (0, ""), children.report(ended)
