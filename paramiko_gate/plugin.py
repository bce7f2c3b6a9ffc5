"""
The pytest plugin: a bastion, a host behind it and a proxy command for them, for any test suite.

Role: loaded by pytest at every start where the gate is installed, therefore it imports the
standard library and pytest alone; everything else is imported by the fixture that needs it.
Names that a suite of its own defines win over these.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from paramiko_gate.faults import Relay
    from paramiko_gate.servers.endpoint import Bastion, Host, Site
    from paramiko_gate.target import Subject
    from paramiko_gate.verdict import Record

RECORD: pytest.StashKey[Record] = pytest.StashKey()
SUBJECTS: pytest.StashKey[dict[str, Subject]] = pytest.StashKey()
SITE: pytest.StashKey[Site] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options, all with the prefix ``--gate-`` so that none collides."""
    group = parser.getgroup("paramiko-gate", "regression gate for paramiko's ProxyCommand")
    group.addoption("--gate-target", metavar="MODULE", help="import name to judge")
    group.addoption("--gate-python", metavar="INTERPRETER", help="interpreter that imports it")
    group.addoption("--gate-compare", metavar="REQUIREMENT", help="stock release to compare with")
    group.addoption(
        "--gate-server",
        choices=("auto", "openssh", "embedded"),
        default="auto",
        help="servers to run: OpenSSH, the embedded one, or OpenSSH where present (default)",
    )


@pytest.fixture(scope="session")
def gate_site(request: pytest.FixtureRequest) -> Iterator[Site]:
    """
    Run one bastion and one host for the whole session, on loopback, with keys of their own.

    They are ended by process id, with all their sessions, however the session ends.
    """
    prepared = request.config.stash.get(SITE, None)
    if prepared is not None:
        yield prepared
        return
    from paramiko_gate.errors import GateError
    from paramiko_gate.servers.choice import run_chosen_site

    with contextlib.ExitStack() as servers:
        directory = tempfile.mkdtemp(prefix="paramiko-gate-")
        servers.callback(shutil.rmtree, directory, ignore_errors=True)
        refusal = ""
        try:
            kind = request.config.getoption("gate_server")
            site = servers.enter_context(run_chosen_site(kind, Path(directory)))
        except GateError as error:
            refusal = str(error)
        if refusal:
            # Outside of the handler, so that pytest does not print the error twice.
            pytest.fail(refusal, pytrace=False)
        yield site


@pytest.fixture(scope="session")
def host(gate_site: Site) -> Host:
    """Return the server that is reached through the bastion."""
    return gate_site.host


@pytest.fixture(scope="session")
def bastion(gate_site: Site) -> Bastion:
    """Return the server that is passed through."""
    return gate_site.bastion


@pytest.fixture(scope="session")
def refusing_bastion(gate_site: Site) -> Bastion:
    """Return the same bastion, asked with a key that it refuses."""
    return gate_site.refusing_bastion


@pytest.fixture
def proxy_command(bastion: Bastion, host: Host) -> str:
    """Return the proxy command that leads through the bastion to the host."""
    return bastion.proxy_command(host)


@pytest.fixture
def refused_proxy_command(refusing_bastion: Bastion, host: Host) -> str:
    """Return a proxy command whose login at the bastion is refused."""
    return refusing_bastion.proxy_command(host)


@pytest.fixture
def faulty_proxy(bastion: Bastion, host: Host) -> Iterator[Relay]:
    """
    Return a relay in front of the proxy command, which fails on order.

    Give ``faulty_proxy.command`` to a client as its proxy command, then order
    ``faulty_proxy.give_order("exit 97")``, ``"close-output"``, ``"flood-stderr 1000000"``,
    ``"stall"`` or ``"resume"``.
    """
    from paramiko_gate.faults import open_relay

    with open_relay(bastion.proxy_arguments(host.address, host.port)) as relay:
        yield relay
