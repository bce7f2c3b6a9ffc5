"""
Do one work with the programs of OpenSSH. Usage: with_openssh.py MODULE, which is not looked at.

CPU and switches are those of `ssh`, and of `sftp` where it takes part: neither this process, which
only leads them, nor the proxy. Logging in is outside of what is measured, but where it is the work.
"""

from __future__ import annotations

import os
import resource
import shlex
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

# Last, so that what is installed wins over the folders of the checkout.
sys.path.append(os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..")))

from benchmarks.clients.measured import CHUNK_BYTES, Meter, Order, Usage, echo_limit, main, names_of

CHILD_LIMIT_S = 10.0


def arguments(program: str, order: Order) -> list[str]:
    """
    Return the program and the options that a login takes, without the destination.
    """
    options = {
        "Port": order["port"],
        "User": order["user"],
        "IdentityFile": shlex.quote(order["client_key"]),
        "IdentitiesOnly": "yes",
        "IdentityAgent": "none",
        "UserKnownHostsFile": shlex.quote(order["known_hosts"]),
        "GlobalKnownHostsFile": "/dev/null",
        "StrictHostKeyChecking": "yes",
        "UpdateHostKeys": "no",
        "BatchMode": "yes",
        "ControlPath": "none",
        "LogLevel": "ERROR",
    }
    if order["proxy_command"]:
        options["ProxyCommand"] = order["proxy_command"]
    words = [program, "-F", "none"]
    for name, value in options.items():
        words += ["-o", f"{name}={value}"]
    return words


def start(words: list[str]) -> subprocess.Popen[bytes]:
    """
    Start a program whose input and output are pipes without buffers.
    """
    return subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)


def read(process: subprocess.Popen[bytes], count: int) -> int:
    """
    Return how much was read: ``count`` unless the output ended.
    """
    assert process.stdout is not None
    left = count
    while left and (data := process.stdout.read(min(left, CHUNK_BYTES))):
        left -= len(data)
    return count - left


def tell(process: subprocess.Popen[bytes], data: bytes) -> None:
    """
    Write all of it.
    """
    assert process.stdin is not None
    view = memoryview(data)
    while view:
        view = view[process.stdin.write(view) :]


def run(order: Order, command: str) -> subprocess.Popen[bytes]:
    """
    Run a command, after the line ``go`` is told; return when it waits for that.
    """
    script = f"echo; read go; {command}; read end"
    destination = [order["address"], f"exec sh -c {shlex.quote(script)}"]
    process = start([*arguments("ssh", order), *destination])
    read(process, 1)
    return process


def usage_of(pids: list[int]) -> Usage:
    """
    Return CPU seconds, by the scheduler's clock, and voluntary switches of processes together.
    """
    cpu_s, switches = 0.0, 0
    for pid in pids:
        with open(f"/proc/{pid}/schedstat", encoding="ascii") as file:
            cpu_s += int(file.read().split()[0]) / 1e9
        with open(f"/proc/{pid}/status", encoding="utf-8") as file:
            status = dict(line.split(":", 1) for line in file)
        switches += int(status["voluntary_ctxt_switches"])
    return cpu_s, switches


def only_child(pid: int) -> int:
    """
    Return the process that a program has started; waits until there is one.
    """
    deadline = time.monotonic() + CHILD_LIMIT_S
    while time.monotonic() < deadline:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            if children := file.read().split():
                return int(children[0])
        time.sleep(0.01)
    raise TimeoutError("sftp has started no ssh")


def cat(order: Order, meter: Meter) -> int:
    process = run(order, f"cat {shlex.quote(order['remote'])}")
    meter.usage = lambda: usage_of([process.pid])
    with meter:
        tell(process, b"go\n")
        return read(process, order["bytes"])


def write(order: Order, meter: Meter) -> int:
    process = run(order, f"head -c {order['bytes']} >/dev/null; echo")
    meter.usage = lambda: usage_of([process.pid])
    chunk = bytes(CHUNK_BYTES)
    with meter:
        tell(process, b"go\n")
        for begin in range(0, order["bytes"], CHUNK_BYTES):
            tell(process, chunk[: order["bytes"] - begin])
        return order["bytes"] if read(process, 1) else -1


def transfer(order: Order, meter: Meter, commands: list[str]) -> None:
    """
    Have `sftp` do the commands; returns when it has done the last.
    """
    process = start([*arguments("sftp", order), "-q", "-b", "-", order["address"]])
    assert process.stdout is not None
    # A batch says each command before its output, so the mark is looked for on a line of its own.
    mark = b"!echo done\n"
    tell(process, mark)
    while process.stdout.readline() != b"done\n":
        pass
    pids = [process.pid, only_child(process.pid)]
    meter.usage = lambda: usage_of(pids)
    with meter:
        tell(process, "".join(f"{command}\n" for command in commands).encode() + mark)
        while (line := process.stdout.readline()) != b"done\n":
            if not line:
                raise EOFError("sftp ended")


def get(order: Order, meter: Meter) -> int:
    transfer(order, meter, [f'get "{order["remote"]}" "{order["local"]}"'])
    return os.path.getsize(order["local"])


def put(order: Order, meter: Meter) -> int:
    transfer(order, meter, [f'put "{order["remote"]}" "{order["local"]}"'])
    return os.path.getsize(order["local"])


def get_small(order: Order, meter: Meter) -> int:
    names = names_of(order)
    small, local = order["small"], order["local"]
    transfer(order, meter, [f'get "{small}/{name}" "{local}/{name}"' for name in names])
    return len(names)


def put_small(order: Order, meter: Meter) -> int:
    names = names_of(order)
    small, local = order["small"], order["local"]
    transfer(order, meter, [f'put "{small}/{name}" "{local}/{name}"' for name in names])
    return len(names)


def echo(order: Order, meter: Meter) -> int:
    process = run(order, "cat")
    tell(process, b"go\nx")
    read(process, 1)
    meter.usage = lambda: usage_of([process.pid])
    more, count = echo_limit(order), 0
    with meter:
        while more(count):
            tell(process, b"x")
            read(process, 1)
            count += 1
    return count


def connect(order: Order, meter: Meter) -> int:
    pids: list[int] = []
    meter.usage = lambda: usage_of(pids)
    # Said when it is logged in, before it asks for anything.
    said = ["-o", "PermitLocalCommand=yes", "-o", "LocalCommand=echo"]
    with meter:
        for _ in range(order["times"]):
            process = start([*arguments("ssh", order), *said, order["address"], "exec cat"])
            pids.append(process.pid)
            read(process, 1)
    return len(pids)


def crowd(order: Order, meter: Meter) -> int:
    def usage() -> Usage:
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime, used.ru_nvcsw

    def visit(_: int) -> bool:
        words = [*arguments("ssh", order), order["address"], "exec true"]
        return subprocess.run(words, stdin=subprocess.DEVNULL).returncode == 0

    # Proxies that `ssh` reaps are in it, which nobody can take out.
    meter.usage = usage
    with ThreadPoolExecutor(order["at_a_time"]) as pool, meter:
        return sum(pool.map(visit, range(order["times"])))


def connections(order: Order, meter: Meter) -> int:
    command = f"cat {shlex.quote(order['remote'])}"
    processes = [run(order, command) for _ in range(order["times"])]
    meter.usage = lambda: usage_of([process.pid for process in processes])

    def fetch(process: subprocess.Popen[bytes]) -> int:
        tell(process, b"go\n")
        return read(process, order["bytes"])

    with ThreadPoolExecutor(order["times"]) as pool, meter:
        return sum(pool.map(fetch, processes))


if __name__ == "__main__":
    works = [cat, write, get, put, get_small, put_small, echo, connect, crowd, connections]
    main(works, lambda: None)
