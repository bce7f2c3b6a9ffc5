"""
What a connection can go over that is no proxy command, but leads to one.

A carrier gets the scene and its proxy, and returns the ``sock`` of the connection under test.
Imports no paramiko of any name.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matrix.scene import Scene

Carrier = Callable[["Scene", Any], Any]

#: Opening a hop. Longer than the handshake of a loaded machine.
HOP_S = 15.0


class Delegating:
    """
    Hand every attribute on, as a program does that wants to add one.

    :param proxy: a `ProxyCommand`
    """

    def __init__(self, proxy: Any) -> None:
        self.proxy = proxy

    def __getattr__(self, name: str) -> Any:
        return getattr(self.proxy, name)


class Composed:
    """
    Offer the least that a connection needs, as a program does that counts bytes.

    :param proxy: a `ProxyCommand`
    """

    def __init__(self, proxy: Any) -> None:
        self._proxy = proxy
        self.size = 0

    def send(self, data: bytes) -> Any:
        """Count and send."""
        sent = self._proxy.send(data)
        self.size += sent
        return sent

    def recv(self, size: int) -> Any:
        """Receive and count."""
        data = self._proxy.recv(size)
        self.size += len(data)
        return data

    def close(self) -> None:
        """Close what is inside."""
        self._proxy.close()

    def settimeout(self, seconds: float | None) -> None:
        """Limit what is inside."""
        self._proxy.settimeout(seconds)

    @property
    def closed(self) -> Any:
        """Ask what is inside."""
        return self._proxy.closed


def direct(_: Scene, proxy: Any) -> Any:
    """Go over the proxy command itself."""
    return proxy


def delegating(_: Scene, proxy: Any) -> Any:
    """Go over an object that hands all on to the proxy command."""
    return Delegating(proxy)


def composed(_: Scene, proxy: Any) -> Any:
    """Go over an object that only holds the proxy command."""
    return Composed(proxy)


def nested(scene: Scene, proxy: Any) -> Any:
    """Go through a connection that goes over the proxy command, as Fabric's gateway does."""
    gateway = scene.paramiko.Transport(proxy)
    scene.hops.append(gateway)
    gateway.start_client(timeout=HOP_S)
    gateway.auth_publickey(scene.host.user, scene.client_key())
    address = (scene.host.address, scene.host.port)
    return gateway.open_channel("direct-tcpip", address, ("127.0.0.1", 0), timeout=HOP_S)


def three_hops(scene: Scene, proxy: Any) -> Any:
    """Go through two connections, of which the outer one goes over the proxy command."""
    return nested(scene, nested(scene, proxy))
