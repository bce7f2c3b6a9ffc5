"""
A program with Fabric 3: ``fabric_gateway.py CONFIG HOST [GATEWAY]``.

The gateway is a proxy command if it has a space in it, and the name of a host otherwise. Without
one, the configuration says how the host is reached.
"""

from __future__ import annotations

import sys
from typing import Any

from conversation import serve
from fabric import Config, Connection


class Program:
    """
    Keep one connection, which Fabric opens again by itself.
    """

    def __init__(self, config: str, host: str, gateway: str = "") -> None:
        settings = Config(runtime_ssh_path=config)
        way: Any = gateway or None
        if gateway and " " not in gateway:
            way = Connection(gateway, config=settings.clone())
        self._connection = Connection(host, config=settings, gateway=way)

    def run(self, command: str) -> str:
        """Return what a command writes."""
        return str(self._connection.run(command, hide=True, in_stream=False).stdout)

    def begin(self) -> None:
        """Open what `go_on` uses."""
        self._connection.sftp().listdir("/")

    def go_on(self) -> None:
        """Make the next call of several that belong together."""
        self._connection.sftp().listdir("/")

    def close(self) -> None:
        """Hang up. Fabric leaves a gateway open, since others may use it as well."""
        each: Any = self._connection
        while isinstance(each, Connection):
            each.close()
            each = each.gateway


if __name__ == "__main__":
    serve(Program(*sys.argv[1:]))
