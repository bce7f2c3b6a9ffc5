"""
SFTP put sends pieces that fit one packet each, and stores what it always stored.
"""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from session.conftest import login
from session.connection import Connection

from paramiko_gate.servers.endpoint import Host

Open = Callable[..., Connection]

#: What upstream transfers at a time.
PIECE_SIZE = 32768

PIECES = 20
CONTENT = random.Random(5).randbytes(PIECES * PIECE_SIZE)

#: Besides the pieces: to open, to close and to look at the file; and a last piece that is short.
OTHER_PACKETS = 4


def test_piece_takes_one_packet(
    open_connection: Open, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """
    Upstream's are too long by some bytes for sshd, and each takes a second packet for these.
    """
    connection = open_connection()
    sftp = connection.client.open_sftp()
    connection.transport.set_log_channel("counted")
    connection.transport.set_hexdump(True)
    with caplog.at_level("DEBUG", "counted"):
        sftp.putfo(io.BytesIO(CONTENT), str(tmp_path / "stored"))
    connection.transport.set_hexdump(False)
    packets = sum("Write packet <channel-data>" in line for line in caplog.messages)
    assert PIECES <= packets <= PIECES + OTHER_PACKETS
    assert (tmp_path / "stored").read_bytes() == CONTENT


@pytest.mark.parametrize("packet_size", [1024, 16384, 16500, 32768])
def test_file_is_stored_whatever_packets_the_server_takes(
    open_connection: Open, tmp_path: Path, packet_size: int
) -> None:
    """
    Also for one that wants packets so small that no piece of a useful length fits.
    """
    sftp = open_connection().client.open_sftp()
    # sshd tells 32768, and takes what is smaller.
    sftp.get_channel().out_max_packet_size = packet_size
    told: list[int] = []
    sftp.putfo(
        io.BytesIO(CONTENT), str(tmp_path / "stored"), callback=lambda done, _: told.append(done)
    )
    assert (tmp_path / "stored").read_bytes() == CONTENT
    assert told == sorted(set(told))
    assert told[-1] == len(CONTENT)


def test_connection_without_proxy_sends_what_it_always_sent(
    make_client: Callable[[], Any], host: Host, tmp_path: Path
) -> None:
    """
    What must not change: there, the pieces are upstream's.
    """
    client = make_client()
    client.connect(host.address, **login(host))
    told: list[int] = []
    client.open_sftp().putfo(
        io.BytesIO(CONTENT), str(tmp_path / "stored"), callback=lambda done, _: told.append(done)
    )
    assert told == [PIECE_SIZE * (number + 1) for number in range(PIECES)]
    assert (tmp_path / "stored").read_bytes() == CONTENT


def test_get_reads_what_it_always_read(open_connection: Open, tmp_path: Path) -> None:
    """
    What must not change: a request to read is short, and its answer is as long as the server likes.
    """
    (tmp_path / "stored").write_bytes(CONTENT)
    told: list[int] = []
    open_connection().client.open_sftp().get(
        str(tmp_path / "stored"), str(tmp_path / "got"), callback=lambda done, _: told.append(done)
    )
    assert told == [PIECE_SIZE * (number + 1) for number in range(PIECES)]
    assert (tmp_path / "got").read_bytes() == CONTENT
