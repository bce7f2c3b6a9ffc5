"""
The table of the matrix: what is written can be read, and two of them stand side by side.
"""

from __future__ import annotations

from matrix.table import merge, read, render

STOCK = {"recv": {"killed": "✗ no answer", "stalled": "300 ms TimeoutError"}}
FORK = {"recv": {"killed": "2 ms ProxyCommandFailure"}, "stat": {"killed": "1 ms returns 'a'"}}


def test_table_is_read_as_it_was_written() -> None:
    """
    Library and cells come back; a cell that was not run is not there.
    """
    assert read(render("paramiko", STOCK)) == ("paramiko", STOCK)
    assert read(render("paramiko_patched", FORK)) == ("paramiko_patched", FORK)


def test_merged_table_has_both_in_each_cell() -> None:
    """
    The first library stands above the second; where one has no cell it says so.
    """
    merged = merge(render("paramiko", STOCK), render("paramiko_patched", FORK))

    _, cells = read(merged)
    assert cells["recv"]["killed"] == "✗ no answer<br>2 ms ProxyCommandFailure"
    assert cells["recv"]["stalled"] == "300 ms TimeoutError<br>not run"
    assert cells["stat"] == {"killed": "not run<br>1 ms returns 'a'"}
    assert "paramiko, below it paramiko_patched" in merged
