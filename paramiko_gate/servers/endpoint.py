"""
What a caller needs to know of a server: address, account, keys and the way through a bastion.

Role: plain values that `openssh` and `embedded` fill and that fixtures hand to tests. Holds no
process and stops nothing.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Host:
    """
    Describe one running SSH server on loopback.

    :param str address: always ``127.0.0.1``
    :param int port: where it listens
    :param str user: account that may log in with ``client_key``
    :param Path client_key: private key file, OpenSSH format, no passphrase
    :param str host_key: its public key as ``ssh-ed25519 AAAA...``
    :param Path known_hosts: file with one line for this server
    :param Path log: what the server wrote about itself
    :param int pid: the listening process
    :param str mark: what every process of a login carries in its environment, to be found by
    """

    address: str
    port: int
    user: str
    client_key: Path
    host_key: str
    known_hosts: Path
    log: Path
    pid: int
    mark: str


@dataclass(frozen=True)
class Bastion(Host):
    """
    Describe a server that is only passed through.

    :param tuple before: words of the proxy command in front of ``-W``
    :param tuple after: words of the proxy command after ``ADDRESS:PORT``
    """

    before: tuple[str, ...]
    after: tuple[str, ...]

    def proxy_arguments(self, address: str, port: int) -> list[str]:
        """Return the argument list that relays its standard streams to ``address:port``."""
        return [*self.before, "-W", f"{address}:{port}", *self.after]

    def proxy_command(self, host: Host) -> str:
        """Return the same for ``host`` as one string, quoted for a shell."""
        return shlex.join(self.proxy_arguments(host.address, host.port))


@dataclass(frozen=True)
class Site:
    """
    Hold one bastion, the host behind it, and the same bastion asked with a key it refuses.

    :param str kind: ``openssh`` or ``embedded``
    """

    kind: str
    host: Host
    bastion: Bastion
    refusing_bastion: Bastion
