"""
What every test shares: the library under test, loops for races, and the leak check.

The library is an option and not an import, so that the same tests run against the fork under
either name and against stock, where the reproductions must fail.
"""

from __future__ import annotations

import gc
import importlib
import importlib.util
import signal
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

# Test modules import `leaks`, `children` and `waiting` from here; pytest's import mode
# "importlib" leaves the path alone.
sys.path.insert(0, str(Path(__file__).parent))

import apis
import children
import leaks
import reds
import repeats
import seeds
import threaded_pipes

if TYPE_CHECKING:
    from paramiko_gate.servers.endpoint import Site

#: The slowest lawful end of a proxy: input closed, SIGTERM ignored, SIGKILL after the grace time.
LEAK_BUDGET_S = 5.0


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """
    Add the options of this suite, and its plugins.
    """
    for plugin in (seeds, repeats, reds):
        pluginmanager.register(plugin)
    group = parser.getgroup("paramiko-patched")
    group.addoption(
        "--target",
        default="paramiko_patched",
        metavar="MODULE",
        help="import name of the library under test (default: %(default)s)",
    )
    group.addoption(
        "--loops",
        type=int,
        default=5,
        metavar="N",
        help="how often each test marked `race` runs (default: %(default)s)",
    )
    group.addoption(
        "--pipes",
        choices=("polled", "threaded"),
        default="polled",
        help="how the library waits for pipes; threaded is its path for Windows",
    )


def pytest_configure(config: pytest.Config) -> None:
    """
    Declare the marks.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # As in a background job of a shell script: the programs that tests interrupt would inherit
        # it, and Python installs no handler where a signal is ignored.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    config.addinivalue_line("markers", "race: two parties meet by chance; runs --loops times")
    config.addinivalue_line("markers", "fault: a server or a proxy of a real session is broken")
    config.addinivalue_line("markers", "slow: takes more than five seconds")
    config.addinivalue_line("markers", "needs_api(name): asks for an entry of `apis.APIS`")
    config.addinivalue_line("markers", "measured: counts, or looks at the clock; runs alone")
    if config.getoption("pipes") == "threaded":
        try:
            threaded_pipes.force(config.getoption("target"))
        except ModuleNotFoundError as error:
            raise pytest.UsageError(f"--pipes threaded needs the fork: {error}") from None
        children.threaded_pipes = True


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """
    Repeat the tests marked `race`, each time as a test of its own.
    """
    if metafunc.definition.get_closest_marker("race"):
        metafunc.fixturenames.append("race_loop")
        metafunc.parametrize("race_loop", range(metafunc.config.getoption("loops")))


def pytest_collection_finish() -> None:
    """
    Take what is there before the first test out of the collector's sight.

    The leak check collects after each test, which would look through all of it every time.
    """
    gc.collect()
    gc.freeze()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """
    Skip a test whose API the library under test never had, as `apis` says, or for want of OpenSSH.
    """
    for mark in item.iter_markers("needs_api"):
        (name,) = mark.args
        if not apis.APIS[name](importlib.import_module(item.config.getoption("target"))):
            pytest.skip(f"this release has no {name}")
    if "needs_openssh" in getattr(item, "fixturenames", ()):
        # Here and not in the fixture, so that a thousand skips make one line of the report.
        import openssh

        openssh.require(item.session)


def pytest_report_header(config: pytest.Config) -> list[str]:
    """
    Name the library under test and where it comes from, and what is missing.
    """
    name = config.getoption("target")
    # The tests of the build run where nothing is installed.
    spec = importlib.util.find_spec(name)
    origin = spec.origin if spec else "nowhere: not installed"
    header = [f"target: {name} from {origin}, pipes: {config.getoption('pipes')}"]
    if importlib.util.find_spec("paramiko_gate"):
        import openssh

        missing = openssh.what_is_missing()
        header += [f"left out are the tests that need OpenSSH: {missing}"] if missing else []
    return header


@pytest.fixture(scope="session")
def target(pytestconfig: pytest.Config) -> str:
    """
    Return the import name of the library under test.
    """
    name: str = pytestconfig.getoption("target")
    return name


@pytest.fixture(scope="session")
def paramiko(target: str) -> ModuleType:
    """
    Return the library under test.
    """
    return importlib.import_module(target)


@pytest.fixture(scope="session")
def needs_openssh(request: pytest.FixtureRequest) -> None:
    """
    Skip where OpenSSH is missing; fail there in CI.
    """
    import openssh

    openssh.require(request.session)


@pytest.fixture(scope="session")
def gate_site(needs_openssh: None, gate_site: Site) -> Site:
    """
    Return the gate's bastion and host, which are real here: these tests know what `sshd` does.
    """
    return gate_site


@pytest.fixture
def leak_check(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Callable[[], None]], None]]:
    """
    Fail a test that leaves a process, a zombie, a descriptor or a thread behind.

    Gives a function that registers what to do after a leak, so that the next test starts clean.
    """
    mark = uuid.uuid4().hex
    monkeypatch.setenv(leaks.MARK, mark)
    rescues: list[Callable[[], None]] = []
    before = leaks.snapshot("")
    yield rescues.append
    left = _wait_for_no_difference(before, mark)
    if left:
        for rescue in rescues:
            rescue()
        leaks.end_leaked(before, mark)
        pytest.fail(left, pytrace=False)


def _wait_for_no_difference(before: leaks.Snapshot, mark: str) -> str:
    """
    Return what is still different after at most `LEAK_BUDGET_S`; empty when nothing is.
    """
    deadline = time.monotonic() + LEAK_BUDGET_S
    pause_s = 0.001
    while True:
        left = leaks.difference(before, mark)
        if not left or time.monotonic() >= deadline:
            return left
        time.sleep(pause_s)
        pause_s = min(pause_s * 2, 0.2)
