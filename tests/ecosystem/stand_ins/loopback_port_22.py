"""
Lets a suite that expects a server on port 22 of this machine meet the one made for the run.

A pytest plugin, loaded by name into the dependant's own environment, on stock and on ours alike.
It leads connections elsewhere and touches neither the suite nor the libraries.
"""

import os
import socket
from typing import Any

PORT = int(os.environ["LOOPBACK_PORT_22"])
NAMES = ("127.0.0.1", "localhost", "::1")

_connect = socket.socket.connect


def _connect_to_ours(self: socket.socket, address: Any) -> None:
    if isinstance(address, tuple) and address[0] in NAMES and address[1] == 22:
        # The server listens on IPv4 alone, as it would be found by a name with two addresses.
        if self.family == socket.AF_INET6:
            raise ConnectionRefusedError("nobody listens on ::1")
        address = ("127.0.0.1", PORT)
    _connect(self, address)


socket.socket.connect = _connect_to_ours  # type: ignore[method-assign,assignment]
