"""
A write that fails, or a server that hangs up: what is still to be read is read all the same.
"""

from __future__ import annotations

import os
import shlex
import signal
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from session.connection import raised
from waiting import PROMPT_S, Call, timed

from paramiko_gate.servers.endpoint import Bastion, Host

#: Relays like ``ssh -W``. On SIGUSR1 it holds back what the server says. On SIGUSR2 it takes no
#: more input, a moment later lets go of what it held, and exits with 7 after ARGV[1] seconds.
HOLDING_RELAY = """
import os, signal, subprocess, sys, threading, time
child = subprocess.Popen(sys.argv[2:], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
flowing, over = threading.Event(), []
flowing.set()
signal.signal(signal.SIGUSR1, lambda *_: flowing.clear())
# No event: one that is set by a handler of the thread that waits for it may deadlock.
signal.signal(signal.SIGUSR2, lambda *_: over.append(True))
def give():
    while data := os.read(child.stdout.fileno(), 65536):
        flowing.wait()
        os.write(1, data)
def take():
    while data := os.read(0, 65536):
        child.stdin.write(data)
threading.Thread(target=give, daemon=True).start()
threading.Thread(target=take, daemon=True).start()
parent = os.getppid()
while not over and os.getppid() == parent:
    time.sleep(0.02)
os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
time.sleep(0.2)
flowing.set()
time.sleep(float(sys.argv[1]))
child.kill()
child.wait()
os._exit(7)
"""

#: Longer than the library goes on reading, which is a second; and by when callers are told.
TOO_LONG_S = 20.0
TOLD_S = 2.0


def relay_command(bastion: Bastion, host: Host, stay_s: float) -> str:
    """
    Return a proxy command that holds back the server's words on order.
    """
    words = [sys.executable, "-c", HOLDING_RELAY, str(stay_s)]
    return shlex.join([*words, *bastion.proxy_arguments(host.address, host.port)])


def send_until_it_fails(channel: Any) -> None:
    while True:
        channel.send(b"x")


@pytest.mark.fault
def test_command_output_and_status_arrive_when_a_write_fails_first(
    connect: Callable[..., Any], bastion: Bastion, host: Host
) -> None:
    """
    A sender's broken pipe costs nobody what the server had said; the reason is the better one.
    """
    client = connect(relay_command(bastion, host, 0.2))
    transport = client.get_transport()
    pid = transport.sock.process.pid
    answering, sending = transport.open_session(), transport.open_session()
    sending.exec_command("cat >/dev/null")
    answering.exec_command("read line; printf 'last words'; exit 5")
    os.kill(pid, signal.SIGUSR1)
    answering.send(b"\n")
    os.kill(pid, signal.SIGUSR2)

    error = raised(Call(send_until_it_fails, sending), PROMPT_S)

    assert type(error).__name__ == "ProxyCommandFailure"
    assert str(error).endswith("exited with status 7")
    assert not transport.is_active()
    assert Call(answering.recv, 100).result() == b"last words"
    assert Call(answering.recv_exit_status).result() == 5


@pytest.mark.fault
def test_sender_is_told_in_bounded_time_when_the_proxy_only_takes_no_more_input(
    connect: Callable[..., Any], bastion: Bastion, host: Host
) -> None:
    """
    A proxy that lives on without its input is read for a second, and then given up.
    """
    client = connect(relay_command(bastion, host, TOO_LONG_S))
    transport = client.get_transport()
    channel = transport.open_session()
    channel.exec_command("cat >/dev/null")
    os.kill(transport.sock.process.pid, signal.SIGUSR2)

    error = raised(Call(send_until_it_fails, channel), TOLD_S)

    assert str(error).endswith("closed its input; process still running")
    assert not transport.is_active()
    assert Call(channel.recv_exit_status).error().__class__ is type(error)


@pytest.mark.fault
def test_connect_says_why_when_the_first_write_fails(connect: Callable[..., Any]) -> None:
    """
    A proxy that never reads may still say why; its words are waited for, not its input.
    """
    script = "exec <&-; sleep 0.4; echo no route to bastion >&2; exit 3"

    error = raised(Call(connect, "sh -c " + shlex.quote(script)), PROMPT_S)

    assert type(error).__name__ == "ProxyCommandFailure"
    assert str(error).endswith("exited with status 3: no route to bastion")


def test_connect_is_quick_when_the_proxy_exits_at_once(connect: Callable[..., Any]) -> None:
    """
    Nothing is waited for when the end of the output is there.
    """

    def fail() -> None:
        raised(Call(connect, "sh -c 'exit 3'"), PROMPT_S)

    assert timed(fail) < 1.0


@pytest.mark.fault
def test_reason_has_servers_words_when_it_disconnects(
    paramiko: ModuleType, proxy_command: str, host: Host
) -> None:
    """
    After too many wrong keys the server says so and hangs up; callers get to read it.
    """
    transport = paramiko.Transport(paramiko.ProxyCommand(proxy_command))
    try:
        transport.start_client(timeout=10)
        refusals = 0
        while True:
            key = paramiko.ECDSAKey.generate()
            error = Call(transport.auth_publickey, host.user, key).error(10)
            if not isinstance(error, paramiko.AuthenticationException):
                break
            refusals += 1
            assert refusals < 10
    finally:
        Call(transport.close).result(10)

    assert refusals > 1
    assert type(error) is paramiko.ProxyCommandFailure
    assert "server disconnected" in str(error)
    assert "Too many authentication failures" in str(error)
