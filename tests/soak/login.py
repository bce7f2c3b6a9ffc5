"""
How the programs of this folder log in.
"""

from __future__ import annotations

from typing import Any


def log_in(client: Any, order: dict[str, Any], step_s: float, sock: Any) -> None:
    """
    Connect a client with its own key alone; blocks for at most a few times ``step_s``.

    :param client: an `SSHClient` that knows the host's key
    :param dict order: address, port, user and key
    :param float step_s: time limit of each step, in seconds
    :param sock: a `ProxyCommand` or a socket
    """
    client.connect(
        order["address"],
        port=order["port"],
        username=order["user"],
        key_filename=order["client_key"],
        look_for_keys=False,
        allow_agent=False,
        timeout=step_s,
        banner_timeout=step_s,
        auth_timeout=step_s,
        sock=sock,
    )
