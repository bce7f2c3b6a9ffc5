"""
A program that uses what a proxied connection offers, for type checkers; it is never run.

`tests/wheel/test_typing.py` has it checked against the stubs of upstream's release. They cannot
know what is new here: a comment ``new`` says which words of the checker's refusal are expected.
"""

from __future__ import annotations

import socket

import paramiko


def start() -> list[paramiko.ProxyCommand]:
    """
    Start a proxy in each way there is.
    """
    return [
        paramiko.ProxyCommand("ssh -W db:22 bastion"),
        paramiko.ProxyCommand(["relay", "db:22"]),  # new: "list[str]"; expected "str"
        paramiko.ProxyCommand("relay", env={"PATH": "/usr/bin"}),  # new: "env" for "ProxyCommand"
        paramiko.ProxyCommand("relay", start_new_session=True),  # new: "start_new_session"
        paramiko.ProxyCommand("relay | tee log", shell=True),  # new: "shell"
    ]


def use(proxy: paramiko.ProxyCommand) -> bytes:
    """
    Use a proxy as the socket that it is.
    """
    words: list[str] = proxy.cmd
    proxy.settimeout(1.0)
    proxy.settimeout(None)  # new: "None"; expected "float"
    limit: float | None = proxy.gettimeout()  # new: "gettimeout"
    sent: int = proxy.send(b"bytes")
    proxy.send(bytearray(b"bytes"))
    number: int = proxy.fileno()  # new: "fileno"
    proxy.shutdown(socket.SHUT_WR)  # new: "shutdown"
    closed: bool = proxy.closed
    data: bytes = proxy.recv(1024)
    proxy.close()
    with proxy as entered:
        entered.recv(1)
    print(words, limit, sent, number, closed, proxy.process.pid, proxy.timeout)
    return data


def connect(proxy: paramiko.ProxyCommand) -> bytes:
    """
    Connect through a proxy, and learn why it died.
    """
    client = paramiko.SSHClient()
    try:
        client.connect("db", sock=proxy, banner_timeout=5)
        transport = client.get_transport()
        assert transport is not None
        transport.set_keepalive(30)
        transport.set_keepalive(30, count_max=3)  # new: "count_max"
        _, stdout, _ = client.exec_command("true")
        return stdout.read()
    except paramiko.ProxyCommandFailure as failure:
        command: str = failure.command
        error: str = failure.error
        status: int | None = failure.returncode  # new: "returncode"
        stderr: bytes = failure.stderr  # new: "stderr"
        partial: bytes = failure.partial  # new: "partial"
        print(command, error, status, stderr)
        return partial
    finally:
        client.close()
