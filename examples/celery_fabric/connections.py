"""
Fabric connections that are kept open between tasks, and replaced when their proxy has died.

Each process has its own: nothing is taken along over a fork. A connection serves one task at a
time, so that the module does for the pools ``prefork``, ``threads``, ``solo`` and ``gevent``.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import paramiko
from application import require_file
from fabric import Config, Connection
from invoke.exceptions import ThreadException


@dataclass(frozen=True)
class Settings:
    """
    Say how hosts are reached.

    :param Path ssh_config: an OpenSSH configuration, which names ``ProxyCommand`` or ``ProxyJump``
    :param Path known_hosts: the keys of all hosts and gateways; one that is not listed is refused
    :param float connect_timeout_s: on each hop, for proxy, banner and key exchange together, and
        for opening the way to the next hop
    :param int keepalive_s: seconds between keepalives on each hop, so that a silent bastion is
        noticed
    :param int keepalive_count: so many without an answer end the connection
    """

    ssh_config: Path
    known_hosts: Path
    connect_timeout_s: float = 30.0
    keepalive_s: int = 15
    keepalive_count: int = 3

    @classmethod
    def from_environment(cls) -> Settings:
        """
        Read ``SSH_CONFIG``, ``KNOWN_HOSTS``, ``CONNECT_TIMEOUT_S``, ``KEEPALIVE_S`` and
        ``KEEPALIVE_COUNT``.

        :raises SystemExit: a file that is named is not there, or a number is none
        """
        ssh_config = require_file("SSH_CONFIG", "~/.ssh/config")
        known_hosts = require_file("KNOWN_HOSTS", "~/.ssh/known_hosts")
        try:
            return cls(
                ssh_config,
                known_hosts,
                float(os.environ.get("CONNECT_TIMEOUT_S", "30")),
                int(os.environ.get("KEEPALIVE_S", "15")),
                int(os.environ.get("KEEPALIVE_COUNT", "3")),
            )
        except ValueError as error:
            raise SystemExit(f"a setting in the environment is no number: {error}") from error


@dataclass
class Connections:
    """
    Lend connections to tasks, and open those that are missing.

    Thread-safety: any thread may call any method.
    """

    settings: Settings
    _idle: dict[str, list[Connection]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        # A worker that was forked off must not talk over its parent's connections.
        os.register_at_fork(after_in_child=self._forget)

    def run(self, host: str, command: str) -> Any:
        """
        Run a command and return Fabric's result; a failing command is a result as well.

        Blocks until the command ends, or the connection does.

        :raises paramiko.ProxyCommandFailure: the proxy died, and how; whether the command was
            carried out is not known, so this does not try again
        """
        with self.lend(host) as connection:
            running = connection.run(command, asynchronous=True, warn=True)
            try:
                running.runner.wait()
            except BaseException:
                # A time limit, or the end of the worker. Fabric would wait for the command now, and
                # for good if it does not end.
                connection.client.close()
                raise
            return running.join()

    @contextlib.contextmanager
    def lend(self, host: str) -> Iterator[Connection]:
        """
        Lend an open connection; one that is in order afterwards is kept for the next task.

        Whatever goes wrong meanwhile, also a time limit of the worker's that interrupts the task
        at any place, the connection is closed: nobody knows what is still on its way.
        """
        connection = self._take(host)
        try:
            self._open(connection)
            with _unwrapped():
                yield connection
        except BaseException:
            _close(connection)
            raise
        with self._lock:
            self._idle.setdefault(host, []).append(connection)

    def close(self) -> None:
        """Close what is kept. Connections that are lent close with their task."""
        with self._lock:
            idle, self._idle = self._idle, {}
        for connection in (each for kept in idle.values() for each in kept):
            _close(connection)

    def _take(self, host: str) -> Connection:
        with self._lock:
            kept = self._idle.get(host)
            if kept:
                return kept.pop()
        config = Config(runtime_ssh_path=str(self.settings.ssh_config))
        connection = Connection(host, config=config)
        for hop in _hops(connection):
            # Fabric would accept any host key.
            hop.client.load_host_keys(str(self.settings.known_hosts))
            hop.client.set_missing_host_key_policy(paramiko.RejectPolicy())
            hop.connect_timeout = self.settings.connect_timeout_s
        return connection

    def _open(self, connection: Connection) -> None:
        if connection.is_connected:
            return
        # The proxy of a connection that was lost is ended and reaped here.
        _close(connection)
        # A gateway first, so that its keepalives and limit hold while the next hop is opened.
        for hop in reversed(_hops(connection)):
            hop.open()
            hop.transport.channel_timeout = self.settings.connect_timeout_s
            self._keep_alive(hop.transport)

    def _keep_alive(self, transport: Any) -> None:
        interval, count = self.settings.keepalive_s, self.settings.keepalive_count
        try:
            transport.set_keepalive(interval, count_max=count)
        except TypeError:
            # Stock paramiko sends keepalives and does not mind when nobody answers.
            transport.set_keepalive(interval)

    def _forget(self) -> None:
        self._lock = threading.Lock()
        self._idle = {}


def _hops(connection: Connection) -> list[Connection]:
    """Return the connection, its gateway, that one's gateway, and so on."""
    gateway = connection.gateway
    # Else it is a proxy command, or there is none.
    return [connection, *(_hops(gateway) if isinstance(gateway, Connection) else [])]


def _close(connection: Connection) -> None:
    # Fabric leaves gateways open: others may use them. Here each serves one connection.
    for hop in _hops(connection):
        hop.close()
        # Fabric closes what it takes for open: no client whose login was refused, and no lost one.
        hop.client.close()


@contextlib.contextmanager
def _unwrapped() -> Iterator[None]:
    """
    Raise the failure of the proxy itself, where Fabric's reader threads hand it over in a parcel.

    The parcel has no message that would survive a JSON result backend, and the tracebacks of all
    threads in its text, which take half a second to format.
    """
    try:
        yield
    except ThreadException as parcel:
        for wrapped in parcel.exceptions:
            if isinstance(wrapped.value, paramiko.SSHException):
                raise wrapped.value from None
        raise
