"""
One session of a matrix test: a proxy that fails on order, a client, and what they opened.

Imports no paramiko of any name; the library under test is handed in.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import select
import signal
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from matrix.carriers import Carrier, direct
from matrix.faults import CONTINUED, STALLED, Fault
from matrix.orders import StandIn, open_stand_in
from matrix.password_server import run_password_server
from session.connection import rescue
from waiting import Call, wait_until

if TYPE_CHECKING:
    from types import ModuleType

    from paramiko_gate.servers.endpoint import Bastion, Host

#: A step that must succeed. Longer than the handshake of a loaded machine.
STEP_S = 15.0

#: Prints "ab", then what it is sent, until its input ends.
ECHO = "printf ab; exec cat"
ECHO_TO_STDERR = "printf ab >&2; exec cat >&2"
SWALLOW = "exec cat >/dev/null"
MORE = b"more\n"

#: More than the pipe holds, and more than a server lets one send before it has read.
PIPE_SIZE_BYTES = 3 << 19
FILE_SIZE_BYTES = 200_000


class RealProxy:
    """
    Stand for a real ``ssh -W`` where a stand-in proxy is expected: it holds when it is stopped.

    :param str command: the proxy command
    """

    def __init__(self, command: str, find_pid: Callable[[], int]) -> None:
        self.command = command
        self._find_pid = find_pid

    def do(self, order: str) -> None:
        """Stop passing anything on; no other order can be given."""
        assert order == "hold", order
        os.kill(self._find_pid(), signal.SIGSTOP)

    def order(self, *orders: str) -> None:
        """Die."""
        assert orders == ("kill",), orders
        os.kill(self._find_pid(), signal.SIGKILL)

    def wait_held(self, size: int = 1) -> None:
        """Nobody can ask it: its process is stopped."""


class Scene:
    """
    Hold one session and bring it to a moment; closed by its fixture.

    :param paramiko: the library under test
    :param Host host: the server
    :param Path folder: where the test may write
    """

    def __init__(self, paramiko: ModuleType, host: Host, folder: Path) -> None:
        self.paramiko = paramiko
        self.host = host
        self.folder = folder
        self.client: Any = None
        self.transport: Any = None
        self.proxy: Any = None
        self.channel: Any = None
        self.sftp: Any = None
        self.file: Any = None
        self.stand_in: Any = None
        #: What the connection goes over, and the connections on the way, the outermost first.
        self.carrier: Carrier = direct
        self.hops: list[Any] = []
        #: Whether the proxy stops by itself, at a place in the handshake.
        self.stops = False
        self._stopped = False
        self._stack = contextlib.ExitStack()

    # Bringing about.

    def prepare(self, hold: str = "") -> StandIn:
        """Make the proxy command ready; it will hold the server's words at ``hold``."""
        if self.stand_in is None:
            opened = open_stand_in(self.host.address, self.host.port, hold)
            self.stand_in = self._stack.enter_context(opened)
            self.stops = bool(hold)
        stand_in: StandIn = self.stand_in
        return stand_in

    def use_password_server(self) -> None:
        """Talk to a server that takes a password instead; only before `prepare`."""
        assert self.stand_in is None
        port = self._stack.enter_context(run_password_server())
        self.host = dataclasses.replace(self.host, port=port)

    def prepare_real(self, bastion: Bastion) -> None:
        """Use a real ``ssh -W`` through the bastion instead."""
        command = bastion.proxy_command(self.host)
        self.stand_in = RealProxy(command, lambda: int(self.proxy.process.pid))

    def connect(self, **options: Any) -> None:
        """Log in; keyword arguments are those of `SSHClient.connect`."""
        paramiko = self.paramiko
        self.client = paramiko.SSHClient()
        self.client.load_host_keys(str(self.host.known_hosts))
        self.proxy = paramiko.ProxyCommand(self.prepare().command)

        def make_transport(sock: Any, **keywords: Any) -> Any:
            self.transport = paramiko.Transport(sock, **keywords)
            return self.transport

        self.client.connect(
            self.host.address,
            port=self.host.port,
            username=self.host.user,
            key_filename=str(self.host.client_key),
            look_for_keys=False,
            allow_agent=False,
            sock=self.carrier(self, self.proxy),
            transport_factory=make_transport,
            **options,
        )

    def client_key(self) -> Any:
        """Return the key that the host lets in."""
        return self.paramiko.Ed25519Key.from_private_key_file(str(self.host.client_key))

    def connected(self) -> Any:
        """Log in and return the transport."""
        Call(self.connect).result(STEP_S)
        return self.transport

    def negotiated(self, factory: str = "Transport") -> Any:
        """Return a transport that has exchanged keys and is not logged in."""
        self.proxy = self.paramiko.ProxyCommand(self.prepare().command)
        self.transport = getattr(self.paramiko, factory)(self.carrier(self, self.proxy))
        Call(lambda: self.transport.start_client(timeout=STEP_S)).result(STEP_S)
        wait_until(lambda: self.transport.initial_kex_done, STEP_S, "the end of the key exchange")
        return self.transport

    def running(self, command: str = ECHO) -> Any:
        """Log in, run a command and return its channel; what it prints first has arrived."""
        self.channel = self.connected().open_session(timeout=STEP_S)
        self.channel.exec_command(command)
        arrived = command.count("ab")
        wait_until(
            lambda: len(self.channel.in_buffer) + len(self.channel.in_stderr_buffer) >= 2 * arrived,
            STEP_S,
            "the first words of the command",
        )
        return self.channel

    def opened_sftp(self) -> Any:
        """Log in and return an SFTP client."""
        self.sftp = self.paramiko.SFTPClient.from_transport(self.connected())
        return self.sftp

    def remote_file(self) -> Path:
        """Return a file of `FILE_SIZE_BYTES` that the server can read."""
        path = self.folder / "remote"
        path.write_bytes(bytes(range(250)) * (FILE_SIZE_BYTES // 250))
        return path

    def listen(self) -> socket.socket:
        """Return a listening socket that is closed with the scene."""
        listener = self._stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        listener.settimeout(STEP_S)
        return listener

    def keep(self, thing: Any) -> Any:
        """Close a thing together with the scene, and return it."""
        self._stack.callback(thing.close)
        return thing

    def strike(self, fault: Fault) -> None:
        """Bring a fault about; returns at once, but for a stopped process to be continued."""
        if fault in (STALLED, CONTINUED):
            self._stopped = fault is STALLED
            os.kill(self.proxy.process.pid, signal.SIGSTOP)
        if fault is CONTINUED:
            os.kill(self.proxy.process.pid, signal.SIGCONT)
        if fault.orders:
            self.stand_in.order(*fault.orders)

    # What is still asked when the proxy is dead.

    def later_calls(self) -> dict[str, Callable[[], Any]]:
        """Return every kind of call that needs the server, on all that the scene has opened."""
        transport, channel, sftp = self.transport, self.channel, self.sftp
        calls: dict[str, Callable[[], Any]] = {
            "open_session": lambda: transport.open_session(timeout=STEP_S),
            "global_request": lambda: transport.global_request("keepalive@openssh.com", wait=True),
            "request_port_forward": lambda: transport.request_port_forward("127.0.0.1", 0),
            "accept": lambda: transport.accept(STEP_S),
            "renegotiate_keys": transport.renegotiate_keys,
        }
        if not transport.is_authenticated():
            calls["auth_password"] = lambda: transport.auth_password(self.host.user, "wrong")
            calls["auth_none"] = lambda: transport.auth_none(self.host.user)
        if channel is not None:
            calls["recv"] = lambda: read_dry(channel.recv)
            calls["recv_stderr"] = lambda: read_dry(channel.recv_stderr)
            calls["send"] = lambda: channel.send(b"x")
            calls["exec_command"] = lambda: channel.exec_command("true")
            calls["recv_exit_status"] = channel.recv_exit_status
        if sftp is not None:
            calls["stat"] = lambda: sftp.stat(".")
            calls["listdir"] = lambda: sftp.listdir(".")
            calls["open"] = lambda: sftp.open("nothing")
        return calls

    def closers(self) -> dict[str, Callable[[], Any]]:
        """Return every call that says good-bye: none may raise, in this order."""
        calls: dict[str, Callable[[], Any]] = {}
        if self.channel is not None:
            calls["shutdown"] = lambda: self.channel.shutdown(2)
            calls["channel.close"] = self.channel.close
        if self.sftp is not None:
            calls["sftp.close"] = self.sftp.close
        calls["transport.close"] = self.transport.close
        if self.client is not None:
            calls["client.close"] = self.client.close
        for hop in reversed(self.hops):
            calls[f"close of hop {self.hops.index(hop) + 1}"] = hop.close
        calls["proxy.close"] = self.proxy.close
        calls["transport.close again"] = self.transport.close
        return calls

    def wrong_predicates(self) -> dict[str, Any]:
        """Return what the dead connection says of itself and should not; all data has been read."""
        wanted = {"is_active": (self.transport.is_active(), False)}
        if self.channel is not None:
            wanted["closed"] = (self.channel.closed, True)
            wanted["exit_status_ready"] = (self.channel.exit_status_ready(), True)
            wanted["recv_ready"] = (self.channel.recv_ready(), False)
            wanted["recv_stderr_ready"] = (self.channel.recv_stderr_ready(), False)
        wanted["proxy.closed"] = (self.proxy.closed, True)
        return {name: said for name, (said, right) in wanted.items() if said != right}

    def wakes_select(self) -> bool:
        """Tell whether a program that waits for the dead channel in `select` is woken."""
        if self.channel is None:
            return True
        return bool(select.select([self.channel.fileno()], [], [], 0)[0])

    # The end.

    def close(self) -> None:
        """End the session as a program does, and then the proxy's server side."""
        try:
            for thing in (self.client, self.transport, *reversed(self.hops), self.proxy):
                if thing is not None:
                    Call(thing.close).result(5)
            if self._stopped:
                # It would end by SIGKILL after a grace time; not what is tested here.
                self._stopped = False
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self.proxy.process.pid, signal.SIGCONT)
        finally:
            self._stack.close()

    def rescue(self) -> None:
        """End what the library has leaked."""
        for transport in (self.transport, *self.hops):
            if transport is not None:
                rescue(transport)
        if self.proxy is not None:
            with contextlib.suppress(ProcessLookupError):
                self.proxy.process.kill()


def read_dry(read: Callable[[int], Any]) -> Any:
    """Read until there is no more; the end of a stream that was cut must not look like one."""
    while read(4096):
        pass
    return b""


class Threads:
    """
    Record what threads and destructors die of, which would go to standard error.

    Use as a context manager.
    """

    def __init__(self) -> None:
        self.died_of: list[str] = []

    def __enter__(self) -> Threads:
        self._hooks = threading.excepthook, sys.unraisablehook
        threading.excepthook = lambda told: self._note(told.thread, told.exc_value)
        sys.unraisablehook = lambda told: self._note(told.object, told.exc_value)
        return self

    def _note(self, where: object, error: BaseException | None) -> None:
        self.died_of.append(f"{where!r:.80}: {error!r}")

    def __exit__(self, *_: object) -> None:
        threading.excepthook, sys.unraisablehook = self._hooks
