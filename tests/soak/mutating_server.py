"""
A server whose messages are wrong before they are encrypted: they arrive with a right checksum.

Whoever changes the bytes of a session on its way gets no further than that checksum. Run as a
script: SEED is the argument; prints its port and a path to its host key as one JSON line. Each
line on standard input is the number of the next case, and is answered by itself. Ends with its
standard input. Imports no paramiko of any name.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import tempfile
from pathlib import Path
from typing import Any

import asyncssh
from asyncssh.connection import SSHConnection

# The tests' own folder, which is found by its name elsewhere.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from soak import mutations

#: Messages of one session, roughly; the first that is wrong is drawn from them.
MESSAGES = 44

#: How likely each of those that follow is wrong as well.
AGAIN = 0.2

#: How likely a wrong message is not sent at all, is sent twice, or has another's number.
DROPPED, DOUBLED, RENUMBERED = 0.04, 0.06, 0.1

CHANNEL_DATA = 94

#: What comes before the data in a message of that kind.
DATA_HEADER_BYTES = 8


class Plan:
    """
    Tell what goes wrong with one session.

    :param random.Random chance: what is drawn from
    """

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._first = chance.randrange(MESSAGES)
        self._sent = 0

    def apply(self, kind: int, payload: bytes) -> list[tuple[int, bytes]]:
        """Return what is sent in place of a message."""
        chance = self._chance
        self._sent += 1
        due = self._sent - 1 == self._first
        if not due and not (self._sent > self._first and chance.random() < AGAIN):
            return [(kind, payload)]
        drawn = chance.random()
        if drawn < DROPPED:
            return []
        if drawn < DROPPED + DOUBLED:
            return [(kind, payload)] * 2
        if drawn < DROPPED + DOUBLED + RENUMBERED:
            return [(chance.randrange(256), payload)]
        if kind == CHANNEL_DATA and chance.random() < 0.8:
            # Within SFTP, or whatever is said there, and no longer than it was said to be.
            said = payload[DATA_HEADER_BYTES:]
            wrong = mutations.mutate(chance, said)[: len(said)].ljust(len(said), b"\0")
            return [(kind, payload[:DATA_HEADER_BYTES] + wrong)]
        return [(kind, mutations.mutate(chance, payload))]


class Server(asyncssh.SSHServer):
    """Let in everybody."""

    def begin_auth(self, username: str) -> bool:
        """Ask for a key, as others do."""
        return True

    def public_key_auth_supported(self) -> bool:
        """Take keys, and no other proof."""
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        """Take any."""
        return True


async def serve(seed: str, folder: Path) -> None:
    """Serve until standard input ends."""
    case = "none"

    def send_packet(self: Any, kind: int, *parts: bytes, handler: Any = None) -> None:
        if case == "none":
            return right(self, kind, *parts, handler=handler)
        if not hasattr(self, "plan"):
            self.plan = Plan(random.Random(f"{seed}/{case}"))
        # A message that has to wait comes here again, in its turn.
        for wrong_kind, payload in self.plan.apply(kind, b"".join(parts)):
            right(self, wrong_kind, payload, handler=handler)

    right = SSHConnection.send_packet
    SSHConnection.send_packet = send_packet  # type: ignore[assignment, method-assign]
    key = asyncssh.generate_private_key("ssh-ed25519")
    listener = await asyncssh.listen(
        "127.0.0.1",
        0,
        server_factory=Server,
        server_host_keys=[key],
        process_factory=answer,
        sftp_factory=True,
        config=None,
        encoding=None,
    )
    port = listener.get_port()
    known_hosts = folder / "known_hosts"
    public = key.export_public_key().decode("ascii").strip()
    known_hosts.write_text(f"[127.0.0.1]:{port} {public}\n", "ascii")
    print(json.dumps({"port": port, "known_hosts": str(known_hosts)}), flush=True)
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        case = line.strip()
        print(case, flush=True)


async def answer(process: asyncssh.SSHServerProcess[bytes]) -> None:
    """Say what a command would, on both its streams."""
    process.stdout.write(b"ab\n")
    process.stderr.write(b"cd\n")
    process.exit(7)


def main() -> None:
    """Read the command line and serve."""
    # It is the client that is looked at; what the server makes of its own nonsense is no news.
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(serve(sys.argv[1], Path(folder)))


if __name__ == "__main__":
    main()
