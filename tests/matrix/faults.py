"""
The columns of the matrix: what happens to a proxy, and what callers must be told.

Data only; `scene.Scene.strike` brings a fault about. To add one, add a `Fault` and put it into
the lists below that fit. Imports no paramiko of any name.
"""

from __future__ import annotations

import signal
from dataclasses import dataclass

#: Bytes that end a message in the middle: of its length, which is four bytes or, where it is
#: encrypted, a cipher block of 16; and of what follows.
IN_HEADER_BYTES = 2
IN_PACKET_BYTES = 20


@dataclass(frozen=True)
class Fault:
    """
    Describe one thing that happens to a proxy.

    :param str name: column of the table, part of test ids
    :param tuple orders: what the stand-in proxy is told
    :param str kind: ``death``, ``stall``, ``pause`` or ``garbage``: what callers must be told
    :param returncode: of the failure; `None` if the process lives on
    :param str reason: what the text of the failure must contain
    :param int needs_held: so many bytes of the server's must wait at the proxy to be cut
    """

    name: str
    orders: tuple[str, ...]
    kind: str = "death"
    returncode: int | None = None
    reason: str = ""
    needs_held: int = 0


KILLED = Fault("killed", ("kill",), "death", -signal.SIGKILL, "killed by signal 9 (SIGKILL)")
TERMINATED = Fault(
    "terminated", ("terminate",), "death", -signal.SIGTERM, "killed by signal 15 (SIGTERM)"
)
EXITS_0 = Fault("exits-0", ("exit 0",), "death", 0, "exited with status 0")
EXITS_97 = Fault(
    "exits-97", ("exit 97 gate is shut",), "death", 97, "exited with status 97: stand-in: relaying"
)
CLOSES_OUTPUT = Fault(
    "closes-output", ("close-output",), "death", None, "closed its output; process still running"
)
CUT_IN_HEADER = Fault(
    "cut-in-header",
    (f"pass {IN_HEADER_BYTES}", "exit 98 cut off"),
    "death",
    98,
    "exited with status 98",
    needs_held=IN_HEADER_BYTES,
)
CUT_IN_PACKET = Fault(
    "cut-in-packet",
    (f"pass {IN_PACKET_BYTES}", "exit 98 cut off"),
    "death",
    98,
    "exited with status 98",
    needs_held=IN_PACKET_BYTES,
)
#: SIGSTOP, from outside: a stopped process does not obey.
STALLED = Fault("stalled", (), "stall")
#: SIGSTOP, then SIGCONT, and what was held back is passed on.
CONTINUED = Fault("continued", ("release",), "pause")
DRIPS = Fault("drips", ("drip",), "stall")
#: Enough to fill any message that it begins in the middle of.
GARBAGE = Fault("garbage", ("garbage 65536",), "garbage")
#: The same, but what is taken for the length of a message is two gigabytes, less four.
PROMISES = Fault("promises", ("say 7ffffffc00000000",), "garbage")

#: All ways to end a process; they differ in the status alone, once end of file is read.
ENDS = (KILLED, TERMINATED, EXITS_0, EXITS_97, CLOSES_OUTPUT)
CUTS = (CUT_IN_HEADER, CUT_IN_PACKET)
STALLS = (STALLED, CONTINUED)

#: Everything, for whoever waits for the server's words.
ALL = (*ENDS, *CUTS, *STALLS, DRIPS, GARBAGE)
#: For a place in the handshake, which is itself a place to cut.
HANDSHAKE = (*ENDS, *STALLS, DRIPS, GARBAGE)
#: Where the next bytes are the length of a message that is not encrypted.
LENGTH = (*HANDSHAKE, PROMISES)
#: Where nothing of the server's is awaited: nothing to cut, and no limit to honour.
IDLE = (*ENDS, GARBAGE)
#: Blocked in a write, and nothing of the server's is on its way that could be cut or drip.
WRITE = (*ENDS, *STALLS, GARBAGE)

#: The columns of the first ring: one of each thing that callers can be told. The others differ
#: from them in a status or in the place of a cut, and `tox -m ci` has them.
FIRST_RING = (KILLED, EXITS_97, CUT_IN_PACKET, STALLED, CONTINUED, GARBAGE)
