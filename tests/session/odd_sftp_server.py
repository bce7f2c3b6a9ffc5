"""
An SFTP server that does what the protocol allows and few servers do. Run as a program of its own:
Python, this file, and the oddities it shall have.

`short`: gives half of what it is asked for. `late`: answers in another order than it was asked.
`refuse`: refuses what is beyond the first megabyte. `limits`: says that it takes larger requests.
`sizeless`: tells no size. `silent`: answers nothing but what names the word ``ask``.

Each request is written to standard error, one line of its kind and how long it is.
"""

from __future__ import annotations

import os
import select
import struct
import sys
from typing import IO

(INIT, VERSION, OPEN, CLOSE, READ, WRITE) = range(1, 7)
STAT, EXTENDED = 17, 200
STATUS, HANDLE, DATA, ATTRS, EXTENDED_REPLY = 101, 102, 103, 105, 201
OK, EOF, NO_SUCH_FILE, FAILURE = 0, 1, 2, 4
LARGEST_BYTES = 261_120
REFUSED_FROM_BYTES = 1 << 20

oddities = set(sys.argv[1:])
files: dict[bytes, IO[bytes]] = {}
answers: list[bytes] = []


def text(content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + content


def split_text(fields: bytes) -> tuple[bytes, bytes]:
    (size,) = struct.unpack(">I", fields[:4])
    return fields[4 : 4 + size], fields[4 + size :]


def status(code: int) -> tuple[int, bytes]:
    return STATUS, struct.pack(">I", code) + text(b"odd") + text(b"")


def read(file: IO[bytes], fields: bytes) -> tuple[int, bytes]:
    offset, size = struct.unpack(">QI", fields)
    if "refuse" in oddities and offset >= REFUSED_FROM_BYTES:
        return status(FAILURE)
    if "short" in oddities and size > 1:
        size //= 2
    if "limits" not in oddities and size > 32_768:
        return status(FAILURE)
    file.seek(offset)
    data = file.read(size)
    return (DATA, text(data)) if data else status(EOF)


def write(file: IO[bytes], fields: bytes) -> tuple[int, bytes]:
    (offset,) = struct.unpack(">Q", fields[:8])
    data, _ = split_text(fields[8:])
    if "refuse" in oddities and offset >= REFUSED_FROM_BYTES:
        return status(FAILURE)
    if "limits" not in oddities and len(data) > 32_768:
        return status(FAILURE)
    file.seek(offset)
    file.write(data)
    return status(OK)


def answer(kind: int, fields: bytes) -> tuple[int, bytes]:
    if kind == EXTENDED:
        return EXTENDED_REPLY, struct.pack(">QQQQ", 262_144, LARGEST_BYTES, LARGEST_BYTES, 0)
    name, rest = split_text(fields)
    try:
        if kind == STAT:
            size = os.stat(name).st_size
            told = 0 if "sizeless" in oddities else 1
            return ATTRS, struct.pack(">I", told) + struct.pack(">Q", size)[: 8 * told]
        if kind == OPEN:
            handle = b"%d" % len(files)
            files[handle] = open(name, "rb" if rest[3] == 1 else "wb", 0)  # noqa: SIM115
            return HANDLE, text(handle)
        if kind == CLOSE:
            files[name].close()
            return status(OK)
        return (read if kind == READ else write)(files[name], rest)
    except FileNotFoundError:
        return status(NO_SUCH_FILE)


def send(kind: int, body: bytes) -> None:
    answers.append(struct.pack(">IB", len(body) + 1, kind) + body)


def serve() -> None:
    incoming = open(sys.stdin.fileno(), "rb", 0, closefd=False)  # noqa: SIM115
    buffered = b""
    while True:
        if answers and not select.select([incoming], [], [], 0.02)[0]:
            if "late" in oddities:
                answers.reverse()
            sys.stdout.buffer.write(b"".join(answers))
            sys.stdout.buffer.flush()
            answers.clear()
            continue
        data = incoming.read(1 << 16)
        if not data:
            return
        buffered += data
        while len(buffered) >= 4:
            (size,) = struct.unpack(">I", buffered[:4])
            if len(buffered) < 4 + size:
                break
            packet, buffered = buffered[4 : 4 + size], buffered[4 + size :]
            kind = packet[0]
            print(kind, size, file=sys.stderr, flush=True)
            if kind == INIT:
                extensions = [b"limits@openssh.com", b"1"] if "limits" in oddities else []
                send(VERSION, struct.pack(">I", 3) + b"".join(map(text, extensions)))
            elif "silent" not in oddities or b"ask" in packet:
                answered, body = answer(kind, packet[5:])
                send(answered, packet[1:5] + body)


serve()
