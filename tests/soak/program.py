"""
Runs the programs of this folder: each has a process of its own, whose memory it may measure.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import children

TESTS = Path(__file__).resolve().parents[1]


def run(module: str, target: str, order: dict[str, Any], timeout_s: float) -> dict[str, Any]:
    """
    Run ``main`` of a module of this folder, and return the JSON line that it prints last.

    :param str module: its name; its ``main`` gets the library and the order
    :param str target: import name of the library
    :param float timeout_s: seconds until it is killed, with the stacks of its threads in the report
    :raises AssertionError: it failed, or took too long
    """
    source = (
        f"import json, sys\n"
        # Last, so that what is installed wins over the folders of a checkout.
        f"sys.path += {[str(TESTS), str(TESTS.parent)]!r}\n"
        f"from soak import {module}\n"
        f"{module}.main(paramiko, json.loads({json.dumps(order)!r}))\n"
    )
    said = children.run_program(source, target, timeout_s=timeout_s)
    answer: dict[str, Any] = json.loads(said.splitlines()[-1])
    return answer
