"""
Open many connections, each through a proxy command, then do nothing.

Run as a script by `benchmarks.idle`. Usage: idle.py MODULE. Reads an order, then numbers: how many
connections to have. Answers each with how far it got, and is at rest until the next. It measures
nothing: that is done from outside.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

HERE = os.path.dirname(os.path.abspath(__file__))
#: For each step of a login, in seconds: a server that is busy with many others is slow.
LOGIN_LIMIT_S = 60.0


class Crowd:
    """
    Hold clients; the first that cannot connect stops all that follow.
    """

    def __init__(self, library: Any, order: dict[str, Any]) -> None:
        self._library = library
        self._order = order
        #: Those that are connected, in no order.
        self.clients: list[Any] = []
        self._failed = threading.Event()
        self._error: str | None = None

    def grow(self, count: int) -> dict[str, Any]:
        """
        Connect until there are so many, some at a time, and tell how many are there and why not.
        """
        started = time.monotonic()
        with ThreadPoolExecutor(self._order["at_a_time"]) as pool:
            for _ in range(count - len(self.clients)):
                pool.submit(self._connect)
        alive = sum(client.get_transport().is_active() for client in self.clients)
        if self._error is None and alive < count:
            self._error = f"{alive} of {count} connections are alive"
        return {"connected": alive, "error": self._error, "seconds": time.monotonic() - started}

    def _connect(self) -> None:
        if self._failed.is_set():
            return
        order = self._order
        try:
            client = self._library.SSHClient()
            client.load_host_keys(order["known_hosts"])
            client.connect(
                order["address"],
                port=order["port"],
                username=order["user"],
                key_filename=order["client_key"],
                look_for_keys=False,
                allow_agent=False,
                banner_timeout=LOGIN_LIMIT_S,
                auth_timeout=LOGIN_LIMIT_S,
                sock=self._library.ProxyCommand(order["proxy_command"]),
            )
            self.clients.append(client)
        except Exception as error:
            if not self._failed.is_set():
                self._error = f"{type(error).__name__}: {error}"
            self._failed.set()


def main(module: str) -> None:
    """
    Import the library, obey, and stay until standard input ends.
    """
    # Python puts the script's own directory first; a neighbour must not pass for the library.
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry or ".") != HERE]
    library = importlib.import_module(module)
    print(json.dumps({"pid": os.getpid()}), flush=True)
    crowd = Crowd(library, json.loads(sys.stdin.readline()))
    for line in sys.stdin:
        print(json.dumps(crowd.grow(json.loads(line))), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1])
