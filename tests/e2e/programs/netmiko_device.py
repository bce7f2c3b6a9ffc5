"""
A program with Netmiko: ``netmiko_device.py CONFIG HOST``.
"""

from __future__ import annotations

import sys
from typing import Any

import paramiko
from conversation import serve
from netmiko import ConnectHandler

#: For so long Netmiko polls for an answer. It does not ask meanwhile whether the connection lives.
READ_LIMIT_S = 3.0


class Program:
    """
    Keep one connection, and open it again when it is lost.
    """

    def __init__(self, config: str, host: str) -> None:
        entry = paramiko.SSHConfig.from_path(config).lookup(host)
        self._settings = {
            "device_type": "generic",
            "host": host,
            "ssh_config_file": config,
            "use_keys": True,
            "key_file": entry["identityfile"][0],
        }
        self._connection: Any = None

    def run(self, command: str) -> str:
        """Return the last line that a command writes."""
        if not self._is_alive():
            self.close()
            self._connection = ConnectHandler(**self._settings)
        output = self._connection.send_command(command, read_timeout=READ_LIMIT_S)
        # A shell on a terminal writes more than the answer.
        return f"{output.splitlines()[-1]}\n"

    def begin(self) -> None:
        """Open what `go_on` uses."""
        self.run("echo")

    def go_on(self) -> None:
        """Make the next call of several that belong together."""
        self._connection.send_command("echo")

    def close(self) -> None:
        """Hang up."""
        if self._connection is not None:
            self._connection.disconnect()

    def _is_alive(self) -> bool:
        try:
            return self._connection is not None and bool(self._connection.is_alive())
        except paramiko.ProxyCommandFailure:
            # Netmiko expects an `OSError`, and hands this on, with stock as well.
            return False


if __name__ == "__main__":
    serve(Program(*sys.argv[1:]))
