"""
Programs with Fabric, Netmiko and sshtunnel lose the ``ssh -W`` that is the outermost of their hops.

It is killed from outside: under a call, while nothing happens, and between two calls. Each program
is run on stock too, and must show the defect there.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from e2e.bastions import JUMPS, write_jumps
from e2e.grid import OTHER_LINES
from e2e.libraries import NEWEST, Libraries
from e2e.program_process import Program
from e2e.tasks import RUN_S, endless_command, runs
from e2e.test_dead_proxies import HANGS_S, SPINNING_CPU, TOLD_S
from waiting import wait_until

from paramiko_gate.servers.endpoint import Bastion, Host

REASON = "was killed by signal 9 (SIGKILL)"

#: CPU is counted in hundredths of a second, and sshtunnel looks ten times in one what it shall do.
WINDOW_S = 3.0
LOW_CPU = 0.03


@dataclass(frozen=True)
class Kind:
    """
    Say what program is run, and what its caller hears when the proxy dies.

    :param str file: in `programs/`
    :param tuple arguments: behind the name of the host; ``{command}`` is the proxy command
    :param bool jumps: whether the configuration has the host behind two more
    :param str blocked: is in the error of a call that blocks
    :param str between: is in the error of the next call
    :param float told_s: until the call that blocks has failed
    """

    file: str
    arguments: tuple[str, ...] = ()
    jumps: bool = False
    blocked: str = REASON
    between: str = REASON
    told_s: float = TOLD_S


FABRIC = {
    "fabric-string": Kind("fabric_gateway.py", ("{command}",)),
    "fabric-connection": Kind("fabric_gateway.py", JUMPS[:1], jumps=True),
    "fabric-two-jumps": Kind("fabric_gateway.py", jumps=True),
}
KINDS = {
    **FABRIC,
    # Netmiko polls `recv_ready` until its own time limit, whatever carries the connection.
    "netmiko": Kind("netmiko_device.py", blocked="Pattern not detected", told_s=3.0 + TOLD_S),
    # Who uses a tunnel has a plain socket, and hears of its end and no reason.
    "sshtunnel": Kind("sshtunnel_client.py", blocked="the tunnel was closed", between=""),
}

Start = Callable[..., Program]

pytestmark = [pytest.mark.timeout(240), pytest.mark.slow]
of_every_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
of_fabric = pytest.mark.parametrize("kind", FABRIC.values(), ids=FABRIC)
in_every_line = pytest.mark.parametrize("line", [NEWEST, *OTHER_LINES])


@pytest.fixture
def start(
    libraries: Libraries, ssh_config: Path, bastion: Bastion, host: Host, tmp_path: Path
) -> Iterator[Start]:
    """
    Return a function that starts a program with ``stock`` or ``fork``, and has it connect.
    """
    jumps = write_jumps(tmp_path / "jumps", bastion, host)
    numbers = itertools.count(1)
    with contextlib.ExitStack() as programs:

        def run(library: str, kind: Kind, line: str = NEWEST) -> Program:
            more = [each.format(command=bastion.proxy_command(host)) for each in kind.arguments]
            config = str(jumps if kind.jumps else ssh_config)
            program = Program(
                libraries.python(library, line),
                *(kind.file, config, "target", *more),
                log=tmp_path / f"program-{next(numbers)}.log",
            )
            programs.callback(program.end)
            assert program.ask("run", "echo one") == "one\n"
            program.wait_proxies(1)
            return program

        yield run


def assert_usable_and_close(program: Program) -> None:
    """
    Check that the next command is carried out, and that nothing is left after the program's close.
    """
    assert program.ask("run", "echo two") == "two\n"
    program.wait_proxies(1)
    program.ask("close")
    program.wait_proxies(0)
    assert program.finish() == 0
    assert program.left() == (0, 0)


def block(program: Program) -> None:
    """
    Have a program run a command that does not end, and return when the host runs it.
    """
    command = endless_command()
    program.tell("run", command)
    wait_until(lambda: runs(command), RUN_S, "the command on the host")


@in_every_line
@of_every_kind
def test_blocked_call_is_told_when_the_proxy_is_killed(start: Start, kind: Kind, line: str) -> None:
    """
    With the reason, where the library hands one on.
    """
    program = start("fork", kind, line)
    block(program)
    assert program.kill_proxies() == 1
    answer = program.hear(kind.told_s)
    assert answer["error"], answer
    assert kind.blocked in answer["text"]
    assert_usable_and_close(program)


@of_every_kind
def test_idle_program_stays_idle_when_the_proxy_is_killed(start: Start, kind: Kind) -> None:
    """
    It uses no CPU and keeps no zombie, and its next command goes over a new connection.
    """
    program = start("fork", kind)
    assert program.kill_proxies() == 1
    assert max(program.cpu_fractions(WINDOW_S)) < LOW_CPU
    assert program.proxies() == []
    assert_usable_and_close(program)


@of_every_kind
def test_next_call_is_told_when_the_proxy_was_killed_before_it(start: Start, kind: Kind) -> None:
    """
    The call uses what the one before it opened, so that the library cannot connect again by itself.
    """
    program = start("fork", kind)
    program.ask("begin")
    assert program.kill_proxies() == 1
    program.tell("go_on")
    answer = program.hear(TOLD_S)
    assert answer["error"], answer
    assert kind.between in answer["text"]
    assert_usable_and_close(program)


@of_every_kind
def test_stock_spins_and_keeps_a_zombie_when_the_proxy_is_killed(start: Start, kind: Kind) -> None:
    """
    The defect, in each of them.
    """
    program = start("stock", kind)
    assert program.kill_proxies() == 1
    assert max(program.cpu_fractions(WINDOW_S)) > SPINNING_CPU
    assert program.left() == (0, 1)


@of_fabric
def test_stock_hangs_when_the_proxy_of_a_blocked_call_is_killed(start: Start, kind: Kind) -> None:
    """
    The defect: nobody is told, on whichever hop.
    """
    program = start("stock", kind)
    block(program)
    assert program.kill_proxies() == 1
    assert program.is_silent(HANGS_S)
