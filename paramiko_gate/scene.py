"""
The scene of a case: a client program of the subject, its proxy, and the fault that strikes it.

Role: the part of a trial that is no judgement; `paramiko_gate.trial` adds the checks. Everything
started here is ended by the exit stack, also when a check cannot be made.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import socket
import time
from pathlib import Path

import psutil

from paramiko_gate import budgets, faults, measure
from paramiko_gate.client import Client, run_client
from paramiko_gate.servers.endpoint import LOOPBACK, Site
from paramiko_gate.target import Subject
from paramiko_gate.verdict import Record

# A call that blocks does so at once; on a loaded machine, after a moment.
BLOCKING_TIMEOUT_S = 10.0


class Scene:
    """
    Set up one client with its proxy and bring one fault about.

    Any exception means that the case could not be set up, so that nothing is known about the
    target. Thread-safety: one thread.
    """

    def __init__(
        self,
        subject: Subject,
        site: Site,
        directory: Path,
        record: Record,
        stack: contextlib.ExitStack,
    ) -> None:
        self.site = site
        self.record = record
        self._stack = stack
        self._relay: faults.Relay | None = None
        self._fault = faults.KILLED
        self._struck_s = 0.0
        self._proxy_pid = 0
        self._proxy_command = ""
        self.client: Client = stack.enter_context(
            run_client(subject, directory, budgets.SETUP_TIMEOUT_S)
        )
        self._before = measure.count_holdings(self.client.pid)
        self._window: measure.Window | None = None

    def offer_proxy(self, fault: faults.Fault, port: int = 0) -> str:
        """
        Return the proxy command for a fault: the real proxy, behind a relay where it needs one.

        :param int port: where the bastion leads to, on loopback; the host's when zero
        """
        self._fault = fault
        real = self.site.bastion.proxy_arguments(LOOPBACK, port or self.site.host.port)
        return self.offer_relay(real) if fault.needs_relay else shlex.join(real)

    def offer_relay(self, real: list[str], flood_first_bytes: int = 0) -> str:
        """Return a proxy command whose relay is at hand for orders."""
        self._relay = self._stack.enter_context(faults.open_relay(real, flood_first_bytes))
        return self._relay.command

    def real_proxy(self) -> list[str]:
        """Return the arguments of the real proxy to the host."""
        return self.site.bastion.proxy_arguments(LOOPBACK, self.site.host.port)

    @property
    def relay(self) -> faults.Relay:
        """Return the relay that was offered."""
        assert self._relay is not None, "this case was given no relay"
        return self._relay

    def listen_silently(self) -> socket.socket:
        """Return a listener on loopback; who connects to it is never answered."""
        listener = self._stack.enter_context(socket.create_server((LOOPBACK, 0)))
        listener.settimeout(budgets.SETUP_TIMEOUT_S)
        return listener

    def keep_open(self, connection: socket.socket) -> None:
        """Hold a connection until the case is over."""
        self._stack.enter_context(connection)

    def begin_connect(self, proxy_command: str) -> float:
        """Let the client connect, and return the moment it was told to."""
        host = self.site.host
        self._proxy_command = proxy_command
        return self.client.order(
            "connect",
            proxy_command=proxy_command,
            address=host.address,
            port=host.port,
            user=host.user,
            client_key=str(host.client_key),
            known_hosts=str(host.known_hosts),
        )

    def connect(self, proxy_command: str) -> int:
        """
        Let the client connect undisturbed, and return the process id of its proxy.

        :raises RuntimeError: it could not, so that nothing can be said about its case
        """
        self.begin_connect(proxy_command)
        self._proxy_pid = self.await_connected()
        return self._proxy_pid

    def await_connected(self) -> int:
        """Wait for one connect that was begun, and return the process id of its proxy."""
        end = self.client.await_end("connect", budgets.SETUP_TIMEOUT_S)
        if end is None or end.is_error:
            said = end.facts["text"] if end else f"no answer in {budgets.SETUP_TIMEOUT_S:g} s"
            raise RuntimeError(f"a connect that nobody disturbed failed: {said}")
        pid: int = end.facts["result"]["proxy_pid"]
        return pid

    def block_in(self, order: str) -> None:
        """
        Let a caller of the client block, and return when it does.

        :raises RuntimeError: it does not come to rest, so the fault would strike something else
        """
        if self.client.do("open", budgets.SETUP_TIMEOUT_S) != "ready":
            raise RuntimeError("the command on the host did not say that it is ready")
        self.client.order(order)
        deadline_s = time.monotonic() + budgets.SETUP_TIMEOUT_S
        began = self.client.await_event(order, ("began",), deadline_s)
        if began is None or not measure.wait_until_asleep(
            self.client.pid, began.facts["thread"], BLOCKING_TIMEOUT_S
        ):
            end = self.client.await_event(order, ("done", "error"), time.monotonic())
            got = f": {end.facts}" if end else ""
            raise RuntimeError(f"the caller did not come to rest in {order}{got}")

    def find_proxy(self) -> int:
        """Return the process id of the one child that the client has while it connects."""
        children = psutil.Process(self.client.pid).children()
        if len(children) != 1:
            raise RuntimeError(f"the client has {len(children)} children instead of its proxy")
        self._proxy_pid = children[0].pid
        return self._proxy_pid

    def strike(self) -> None:
        """Open the window of measurement and bring the fault about."""
        if self._relay is not None:
            self._relay.wait_until_started()
        self._window = measure.Window(self.client.pid)
        self._struck_s = time.monotonic()
        faults.strike(self._fault, self._proxy_pid, self._relay)

    def kill(self, pids: list[int]) -> None:
        """Kill proxies of the client, given by process id."""
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
