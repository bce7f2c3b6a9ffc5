"""
The doctor tells spinning, zombies and leaks from health and from programs that are only busy.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from waiting import wait_until

from paramiko_gate.servers.endpoint import Bastion, Host

RunGate = Callable[..., "subprocess.CompletedProcess[str]"]
Start = Callable[..., "subprocess.Popen[str]"]

START_S = 30.0

#: Connects as a program does, says the pid of its proxy, and goes on with what is put below it.
CONNECT = """
import sys
import {module} as paramiko
client = paramiko.SSHClient()
client.load_host_keys({known_hosts!r})
proxy = paramiko.ProxyCommand({command!r})
client.connect({address!r}, port={port}, username={user!r}, key_filename={key!r},
               look_for_keys=False, allow_agent=False, sock=proxy)
channel = client.get_transport().open_session()
channel.exec_command("cat")
"""
TELL = "print(proxy.process.pid, flush=True)\n"
BLOCK = TELL + "channel.recv(1)\nsys.stdin.read()\n"
CLOSE = "client.close()\n" + TELL + "sys.stdin.read()\n"
IDLE = TELL + "sys.stdin.read()\n"


@pytest.fixture
def start() -> Iterator[Start]:
    """
    Return a function that starts a program and waits for its first word.
    """
    with contextlib.ExitStack() as programs:

        def run(python: str, source: str) -> subprocess.Popen[str]:
            environment = dict(os.environ)
            if python != sys.executable:
                # Another environment must not find what this one was given.
                environment.pop("PYTHONPATH", None)
            program = programs.enter_context(
                subprocess.Popen(
                    [python, "-c", source],
                    env=environment,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            programs.callback(program.kill)
            return program

        yield run


@pytest.fixture
def source(bastion: Bastion, host: Host) -> Callable[[str, str], str]:
    """
    Return a function that makes the source of a client of one library.
    """

    def make(module: str, ending: str) -> str:
        return (
            CONNECT.format(
                module=module,
                known_hosts=str(host.known_hosts),
                command=bastion.proxy_command(host),
                address=host.address,
                port=host.port,
                user=host.user,
                key=str(host.client_key),
            )
            + ending
        )

    return make


@pytest.fixture
def examine(run_gate: RunGate) -> Callable[..., tuple[int, dict[str, Any]]]:
    """
    Return a function that has processes examined, and returns the exit code and the JSON.
    """

    def run(*arguments: object) -> tuple[int, dict[str, Any]]:
        done = run_gate("doctor", "--json", *map(str, arguments))
        assert done.stderr == ""
        return done.returncode, json.loads(done.stdout)

    return run


def first_word(program: subprocess.Popen[str]) -> int:
    """
    Return the number that a program prints when it is where the test wants it.
    """
    assert program.stdout is not None
    line = program.stdout.readline()
    assert line.strip().isdigit(), line
    return int(line)


def kinds(content: dict[str, Any]) -> list[str]:
    """
    Return the kinds of what was found in the only process that was looked at.
    """
    (process,) = content["processes"]
    return [finding["kind"] for finding in process["findings"]]


def test_doctor_finds_spinning_program_when_proxy_of_stock_was_killed(
    start: Start, source: Callable[[str, str], str], stock_python: str, run_gate: RunGate
) -> None:
    """
    What it is, since when nobody is told, and what to do are said in one line and a hint.
    """
    program = start(stock_python, source("paramiko", BLOCK))
    os.kill(first_word(program), signal.SIGKILL)

    done = run_gate("doctor", str(program.pid))

    line, *advice = done.stdout.splitlines()
    assert done.returncode == 1, done.stdout + done.stderr
    assert line.startswith(f"{program.pid} ")
    assert "spins on a dead proxy (paramiko#1277): 1 thread makes" in line
    assert "1 dead proxy not reaped: " in line
    assert "[paramiko 5.1.0 (stock), CPU " in line
    assert any("restart it" in words for words in advice)


def test_doctor_finds_fork_healthy_when_its_proxy_died(
    start: Start,
    source: Callable[[str, str], str],
    examine: Callable[..., tuple[int, dict[str, Any]]],
) -> None:
    """
    The fork has reaped the dead and waits for nobody.
    """
    program = start(sys.executable, source("paramiko_patched", IDLE))
    proxy = first_word(program)
    os.kill(proxy, signal.SIGKILL)
    wait_until(lambda: not psutil.pid_exists(proxy), START_S, "a reaped proxy")

    status, content = examine(program.pid)

    assert (status, kinds(content)) == (0, [])
    assert content["processes"][0]["installations"][0]["is_fork"] is True


def test_doctor_finds_zombies_when_stock_has_closed(
    start: Start,
    source: Callable[[str, str], str],
    stock_python: str,
    examine: Callable[..., tuple[int, dict[str, Any]]],
) -> None:
    """
    Stock's close leaves a zombie.
    """
    program = start(stock_python, source("paramiko", CLOSE))
    proxy = first_word(program)
    wait_until(lambda: psutil.Process(proxy).status() == psutil.STATUS_ZOMBIE, START_S, "a zombie")

    status, content = examine(program.pid)

    assert (status, kinds(content)) == (1, ["zombies"])
    assert str(proxy) in content["processes"][0]["findings"][0]["what"]


def test_doctor_takes_no_proxy_for_leaked_because_it_sees_no_thread_for_it(
    start: Start, bastion: Bastion, host: Host, examine: Callable[..., tuple[int, dict[str, Any]]]
) -> None:
    """
    Sessions need no thread that can be seen; what nobody uses is told by its age.
    """
    command = bastion.proxy_command(host)
    program = start(
        sys.executable,
        "import sys, paramiko_patched as paramiko\n"
        f"kept = [paramiko.ProxyCommand({command!r}) for _ in range(3)]\n"
        "print(3, flush=True)\nsys.stdin.read()\n",
    )
    first_word(program)

    status, content = examine(program.pid)
    assert (status, kinds(content)) == (0, [])

    status, content = examine(program.pid, "--older-than", "0.1")
    assert (status, kinds(content)) == (1, ["leaked proxies"])
    assert len(content["processes"][0]["proxies"]) == 3


def test_doctor_finds_gevent_worker_healthy_when_it_has_a_session(
    start: Start,
    source: Callable[[str, str], str],
    examine: Callable[..., tuple[int, dict[str, Any]]],
) -> None:
    """
    All its sessions run in one thread of the system.
    """
    ending = TELL + "import gevent\nwhile True: gevent.sleep(1)\n"
    patch = "import gevent.monkey\ngevent.monkey.patch_all()\n"
    program = start(sys.executable, patch + source("paramiko_patched", ending))
    proxy = first_word(program)

    status, content = examine(program.pid)

    assert (status, kinds(content)) == (0, [])
    assert [found["pid"] for found in content["processes"][0]["proxies"]] == [proxy]


def test_doctor_finds_a_session_healthy_until_it_is_older_than_asked(
    start: Start,
    source: Callable[[str, str], str],
    examine: Callable[..., tuple[int, dict[str, Any]]],
) -> None:
    """
    One connection in use is in order, and a forgotten one once the person says how old is too old.
    """
    program = start(sys.executable, source("paramiko_patched", IDLE))
    proxy = first_word(program)

    status, content = examine(program.pid)
    assert (status, kinds(content)) == (0, [])
    assert [found["pid"] for found in content["processes"][0]["proxies"]] == [proxy]

    status, content = examine(program.pid, "--older-than", "0.1")
    assert (status, kinds(content)) == (1, ["leaked proxies"])


@pytest.mark.parametrize(
    "work",
    [
        "while True: sum(range(10000))",
        # Reads as fast as it can, but something.
        "import os\nfile = os.open('/dev/zero', os.O_RDONLY)\nwhile True: os.read(file, 100)",
    ],
    ids=["computes", "reads"],
)
def test_doctor_finds_busy_program_healthy_when_it_does_not_read_nothing(
    start: Start, examine: Callable[..., tuple[int, dict[str, Any]]], work: str
) -> None:
    """
    A core at work is not a core that spins on a proxy.
    """
    program = start(sys.executable, f"import paramiko_patched\nprint(1, flush=True)\n{work}\n")
    first_word(program)

    status, content = examine(program.pid)

    assert content["processes"][0]["uses_paramiko"] is True
    assert content["processes"][0]["activity"]["cpu_fraction"] > 0.01
    assert (status, kinds(content)) == (0, [])


#: Waits for the end of a file to grow, without a pause.
FOLLOWS_FILE = "import os\nfile = os.open(os.devnull, os.O_RDONLY)\nwhile True: os.read(file, 1)"

#: Has read all that a command has to say, and not closed it.
RAN_COMMAND = (
    "import subprocess\ndone = subprocess.Popen(['true'], stdout=subprocess.PIPE)\ndone.wait()\n"
)

#: Keeps a command on three pipes, as a proxy is kept.
KEEPS_COMMAND = (
    "import subprocess\nkept = subprocess.Popen({}, stdin=subprocess.PIPE,"
    " stdout=subprocess.PIPE, stderr=subprocess.PIPE)\n"
)


@pytest.mark.parametrize(
    "work",
    [
        FOLLOWS_FILE,
        RAN_COMMAND + FOLLOWS_FILE,
        KEEPS_COMMAND.format("['cat']") + FOLLOWS_FILE,
    ],
    ids=["file", "file-and-command", "file-and-cat"],
)
def test_doctor_finds_program_healthy_when_it_reads_the_end_of_a_file(
    start: Start, examine: Callable[..., tuple[int, dict[str, Any]]], work: str
) -> None:
    """
    It spins, and uses paramiko, and there is no dead proxy that it could spin on.
    """
    told = work.replace("while True", "print(1, flush=True)\nwhile True")
    program = start(sys.executable, f"import paramiko_patched\n{told}\n")
    first_word(program)

    status, content = examine(program.pid)

    assert content["processes"][0]["activity"]["spinning_threads"] == 1
    assert (status, kinds(content)) == (0, [])


@pytest.mark.parametrize(
    "command", [["cat"], ["sh", "-c", "cat; true"], ["ssh"]], ids=["cat", "shell", "ssh"]
)
def test_doctor_takes_no_command_on_three_pipes_for_a_proxy(
    start: Start,
    examine: Callable[..., tuple[int, dict[str, Any]]],
    command: list[str],
    tmp_path: Path,
) -> None:
    """
    Nor an ``ssh`` that runs a command; here something of that name that waits for its input.
    """
    if command == ["ssh"]:
        ssh = tmp_path / "ssh"
        shutil.copy("/bin/cat", ssh)
        command = [str(ssh)]
    program = start(
        sys.executable,
        f"import sys, paramiko_patched\n{KEEPS_COMMAND.format(command)}"
        "print(1, flush=True)\nsys.stdin.read()\n",
    )
    first_word(program)

    status, content = examine(program.pid, "--older-than", "0.1")

    assert content["processes"][0]["proxies"] == []
    assert (status, kinds(content)) == (0, [])


def test_doctor_finds_proxy_behind_a_shell(
    start: Start,
    source: Callable[[str, str], str],
    examine: Callable[..., tuple[int, dict[str, Any]]],
) -> None:
    """
    Must not change: what has a relay below it on three pipes is a proxy.
    """
    wrapped = re.sub(
        r"paramiko\.ProxyCommand\((.*)\)",
        r"paramiko.ProxyCommand(['sh', '-c', \1 + '; true'])",
        source("paramiko_patched", IDLE),
    )
    program = start(sys.executable, wrapped)
    proxy = first_word(program)

    _, content = examine(program.pid)

    assert [found["pid"] for found in content["processes"][0]["proxies"]] == [proxy]


def test_doctor_leaves_program_alone_that_does_not_use_paramiko(
    start: Start, run_gate: RunGate
) -> None:
    """
    Another program that spins on empty reads is none of its business, and said to be none.
    """
    program = start(
        sys.executable,
        "import os\nfile = os.open(os.devnull, os.O_RDONLY)\nprint(1, flush=True)\n"
        "while True: os.read(file, 1)\n",
    )
    first_word(program)

    done = run_gate("doctor", str(program.pid))

    assert done.returncode == 0
    assert f"{program.pid} " in done.stdout
    assert "does not use paramiko" in done.stdout


def test_doctor_finds_orphan_among_all_processes_and_not_an_ssh_by_hand(
    bastion: Bastion, host: Host, examine: Callable[..., tuple[int, dict[str, Any]]]
) -> None:
    """
    A proxy whose program is gone is named; one that somebody types into is not.
    """
    command = shlex.split(bastion.proxy_command(host))
    with (
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as by_hand,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as orphan,
    ):
        try:
            # Stopped, as it would end by itself otherwise.
            os.kill(orphan.pid, signal.SIGSTOP)
            for pipe in (orphan.stdin, orphan.stdout):
                assert pipe is not None
                pipe.close()

            status, content = examine()
            found = [proxy["pid"] for proxy in content["orphans"]]
            assert status == 1
            assert orphan.pid in found
            assert by_hand.pid not in found
        finally:
            for program in (by_hand, orphan):
                program.kill()
                program.wait()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["x"], "x is no process id"),
        (["0"], "0 is no process id"),
        (["4194305"], "there is no process 4194305"),
        (["--sample", "0"], "0 is no number of seconds"),
        (["--older-than", "nan"], "nan is no number of seconds"),
    ],
)
def test_doctor_exits_2_when_called_wrongly(
    run_gate: RunGate, arguments: list[str], words: str
) -> None:
    """
    A wrong call is refused in the form of all refusals.
    """
    done = run_gate("doctor", *arguments)

    assert done.returncode == 2
    assert words in done.stderr.splitlines()[0]
    assert "Traceback" not in done.stderr
