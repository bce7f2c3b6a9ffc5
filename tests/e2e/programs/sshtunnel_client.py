"""
A program with sshtunnel: ``sshtunnel_client.py CONFIG HOST``.

What it reaches through the tunnel is the SSH server of the host, over a plain socket.
"""

from __future__ import annotations

import sys
from typing import Any

import paramiko
from conversation import serve
from sshtunnel import SSHTunnelForwarder

LIMIT_S = 15.0


class Program:
    """
    Keep one tunnel with a connection through it, and open both again when it is lost.
    """

    def __init__(self, config: str, host: str) -> None:
        self._config, self._host = config, host
        self._entry = paramiko.SSHConfig.from_path(config).lookup(host)
        self._tunnel: Any = None
        self._client: Any = None

    def run(self, command: str) -> str:
        """Return what a command writes, all of it."""
        if self._tunnel is None or not self._client.get_transport().is_active():
            self.close()
            self._connect()
        _, stdout, _ = self._client.exec_command(command)
        output = str(stdout.read().decode())
        if stdout.channel.recv_exit_status() == -1:
            raise ConnectionError("the tunnel was closed under the command")
        return output

    def begin(self) -> None:
        """Open what `go_on` uses."""
        self.run("true")

    def go_on(self) -> None:
        """Make the next call of several that belong together."""
        self._client.exec_command("true")

    def close(self) -> None:
        """Hang up."""
        if self._tunnel is not None:
            self._client.close()
            self._tunnel.stop()

    def _connect(self) -> None:
        self._tunnel = SSHTunnelForwarder(
            self._host,
            ssh_config_file=self._config,
            remote_bind_address=(self._entry["hostname"], int(self._entry["port"])),
            allow_agent=False,
            host_pkey_directories=[],
        )
        self._tunnel.start()
        self._client = paramiko.SSHClient()
        self._client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
        self._client.connect(
            *self._tunnel.local_bind_address,
            username=self._entry["user"],
            key_filename=self._entry["identityfile"],
            look_for_keys=False,
            allow_agent=False,
            timeout=LIMIT_S,
        )


if __name__ == "__main__":
    serve(Program(*sys.argv[1:]))
