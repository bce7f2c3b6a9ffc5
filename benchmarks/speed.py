"""
How fast each subject works, and what CPU that takes: rounds in random order, one set of servers.
"""

from __future__ import annotations

import contextlib
import filecmp
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.figures import Round
from benchmarks.idle import choose_relay
from benchmarks.program import Broken, run_program
from benchmarks.subjects import Contestant, describe_host
from benchmarks.works import DELAY_S, MEGABYTE, Answer, Extent, Work
from paramiko_gate.errors import GateError
from paramiko_gate.servers.endpoint import Site
from paramiko_gate.servers.openssh import run_site

CARRIERS = ("relay", "direct")
#: The servers offer nothing else, so that every client takes the same.
CIPHERS = {
    "ctr": ("aes128-ctr", "hmac-sha2-256"),
    "gcm": ("aes128-gcm@openssh.com", "hmac-sha2-256"),
}
EXCHANGES = "curve25519-sha256,curve25519-sha256@libssh.org"
#: One work may take this long, in seconds: a fixed part, and at a crawl of a megabyte a second.
LIMIT_S = 120.0
LIMIT_EACH_S = 1.0
#: An echo takes so many seconds at the most, however few round trips those are.
ECHO_LIMIT_S = 3.0
#: The longest and the shortest of the small files, in bytes.
SMALL_BYTES = (1, 6144)
LINE_BYTES = 80
#: Directory in memory, if there is one, and how often the largest file has to fit into it.
MEMORY = Path("/dev/shm")
ROOM = 4
STEP_LIMIT_S = 10.0


@dataclass
class Place:
    """
    Hold the servers and the data that all subjects meet.

    :param Site site: where they log in
    :param Path data: where the files are, in memory if possible
    :param Extent extent: how much is done
    :param int far_port: of the relay that delays
    :param Path known_hosts: has the host's key for both ports
    """

    site: Site
    data: Path
    extent: Extent
    far_port: int
    known_hosts: Path
    _files: dict[int, Path] = field(default_factory=dict)

    def file(self, size: int) -> Path:
        """
        Return a file of so many random bytes, made once.
        """
        if size not in self._files:
            path = self.data / f"{size}-bytes"
            with path.open("wb") as file:
                for start in range(0, size, MEGABYTE):
                    file.write(os.urandom(min(MEGABYTE, size - start)))
            self._files[size] = path
        return self._files[size]

    def order(self, work: Work, carrier: str) -> dict[str, Any]:
        """
        Return what a client has to know to do a work.
        """
        host = self.site.host
        port = self.far_port if work.delayed else host.port
        size = work.amount(self.extent) // work.share if work.moves_bytes else 0
        return {
            **describe_host(host),
            "port": port,
            "known_hosts": str(self.known_hosts),
            "proxy_command": choose_relay(host.address, port)[1] if carrier == "relay" else None,
            "work": work.client_name or work.name,
            "bytes": size,
            "remote": str(self.file(size)) if size else "",
            "small": str(self.data / "small"),
            "lines": str(self.data / "lines"),
            "files": self.extent.files,
            "times": work.times(self.extent),
            "at_a_time": work.at_a_time,
            "echo_limit_s": ECHO_LIMIT_S,
        }


@contextlib.contextmanager
def run_place(cipher: str, extent: Extent, directory: Path) -> Iterator[Place]:
    """
    Run servers and relay until the block is left.

    :param str cipher: a name of `CIPHERS`
    :param Extent extent: how much will be done
    :param Path directory: for what the servers write; made
    :raises GateError: there is no OpenSSH, or it cannot be started
    """
    (directory / "servers").mkdir(parents=True)
    ciphers, macs = CIPHERS[cipher]
    offered = f"Ciphers {ciphers}\nMACs {macs}\nKexAlgorithms {EXCHANGES}\n"
    needed = ROOM * max(extent.size, extent.far) * MEGABYTE
    has_memory = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > needed
    with contextlib.ExitStack() as ends:
        data = Path(
            ends.enter_context(
                tempfile.TemporaryDirectory(
                    prefix="benchmarks-", dir=MEMORY if has_memory else directory
                )
            )
        )
        site = ends.enter_context(run_site(directory / "servers", offered))
        far_port = ends.enter_context(_run_delay(site.host.port))
        _write_small_files(data / "small", extent.files)
        line = b"x" * (LINE_BYTES - 1) + b"\n"
        (data / "lines").write_bytes(line * extent.lines)
        known_hosts = directory / "known_hosts"
        known_hosts.write_text(
            "".join(
                f"[{site.host.address}]:{port} {site.host.host_key}\n"
                for port in (site.host.port, far_port)
            ),
            "ascii",
        )
        yield Place(site, data, extent, far_port, known_hosts)


def measure(
    place: Place,
    work: Work,
    carrier: str,
    contestant: Contestant,
    more: dict[str, Any] | None = None,
    prefix: tuple[str, ...] = (),
) -> Answer:
    """
    Have one client program do one work, look at what it did, and return what that took.

    :param dict more: orders beside
    :param tuple prefix: the words before the client's own command, such as those of strace
    :raises Broken: it could not
    """
    order = {**place.order(work, carrier), **(more or {})}
    with tempfile.TemporaryDirectory(dir=place.data) as directory:
        small = work.name.endswith("-small")
        order["local"] = directory if small else f"{directory}/local"
        with run_program(contestant.library, contestant.client, prefix) as program:
            program.tell(order)
            answer = program.hear(LIMIT_S + LIMIT_EACH_S * order["bytes"] / MEGABYTE)
            if prefix:
                # It has something to write at its end.
                program.wait(STEP_LIMIT_S)
        if work.moves_files:
            _compare(order, Path(directory), small)
    wanted = work.amount(place.extent)
    if answer["amount"] != wanted and not (work.name == "echo" and answer["amount"] > 0):
        raise Broken(f"it did {answer['amount']} of {wanted}")
    return answer


def run(
    contestants: list[Contestant],
    works: list[Work],
    carriers: list[str],
    rounds: int,
    chance: random.Random,
    place: Place,
    tell: Callable[[str], None],
    done: list[Round],
) -> None:
    """
    Run all rounds; each work in it is a process of its own.

    Within a round, the subjects do a work one after the other, in an order that chance draws, as
    it does that of the works: neighbours meet the same load, and nobody is always the first.

    :param int rounds: of each subject with each work
    :param tell: is told what is done next
    :param list done: gets each round when it has ended
    """
    cases = [(work, carrier) for work in works for carrier in carriers]
    left = rounds * len(cases) * len(contestants)
    started, total = time.monotonic(), left
    for number in range(rounds):
        for work, carrier in chance.sample(cases, len(cases)):
            for contestant in chance.sample(contestants, len(contestants)):
                spent = time.monotonic() - started
                rest = (
                    f", {spent / (total - left) * left / 60:.0f} min left" if left < total else ""
                )
                name = contestant.name
                tell(f"{work.name}, {carrier}, round {number + 1} of {rounds}, {name}{rest}")
                left -= 1
                case = f"{work.name}, {carrier}"
                if not contestant.can(work.client_name or work.name):
                    continue
                try:
                    figures = work.figures(measure(place, work, carrier, contestant))
                    done.append(Round(case, name, number, figures))
                except Broken as error:
                    done.append(Round(case, name, number, error=str(error)))


def _write_small_files(directory: Path, count: int) -> None:
    directory.mkdir()
    least, most = SMALL_BYTES
    for number in range(count):
        # Spread over all sizes, and the same in each run.
        size = least + number * 997 % (most - least + 1)
        (directory / str(number)).write_bytes(os.urandom(size))


def _compare(order: dict[str, Any], directory: Path, small: bool) -> None:
    """
    Compare what arrived with what was sent.

    :raises Broken: a file is another
    """
    if small:
        names = [str(number) for number in range(order["files"])]
        wrong = filecmp.cmpfiles(order["small"], directory, names, shallow=False)[1:]
        if any(wrong):
            raise Broken(f"files differ: {wrong}")
    elif not filecmp.cmp(order["remote"], order["local"], shallow=False):
        raise Broken("the file differs")


@contextlib.contextmanager
def _run_delay(port: int) -> Iterator[int]:
    """
    Run the relay that delays, and give its port.
    """
    script = str(Path(__file__).with_name("delay.py"))
    relay = subprocess.Popen(
        [sys.executable, "-I", script, str(port), str(DELAY_S)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert relay.stdin is not None and relay.stdout is not None
    try:
        said = relay.stdout.readline()
        if not said:
            raise GateError("the delaying relay did not start")
        yield int(said)
    finally:
        relay.kill()
        relay.wait()
        relay.stdin.close()
        relay.stdout.close()
