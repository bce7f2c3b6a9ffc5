"""
A proxy that goes on talking when it listens no more.

Usage: deaf_proxy.py MARK COMMAND ...

Passes its input on to the command, whose output is its own. From SIGUSR1 on it reads nothing; from
SIGUSR2 on it reads `SIP_SIZE_BYTES` each `SIP_S`. It makes the file MARK when it has begun with
that. Imports the standard library alone.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

#: So slow that a full pipe has no room for another page in the time that a test takes.
SIP_SIZE_BYTES = 16
SIP_S = 0.05


def main() -> None:
    """
    Relay until the input ends; the handlers of the signals do not return.
    """
    mark = Path(sys.argv[1])
    command = subprocess.Popen(sys.argv[2:], stdin=subprocess.PIPE, bufsize=0)
    relayed = command.stdin
    assert relayed is not None

    def listen_no_more(*_: object) -> None:
        mark.touch()
        while True:
            signal.pause()

    def sip(*_: object) -> None:
        mark.touch()
        relay(SIP_SIZE_BYTES, SIP_S)
        os._exit(0)

    def relay(size: int, pause_s: float) -> None:
        while data := os.read(0, size):
            relayed.write(data)
            time.sleep(pause_s)

    signal.signal(signal.SIGUSR1, listen_no_more)
    signal.signal(signal.SIGUSR2, sip)
    relay(65536, 0)
    relayed.close()
    command.wait()


if __name__ == "__main__":
    main()
