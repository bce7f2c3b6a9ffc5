"""
What upstream's suite of each line comes to, so that a part of it cannot get lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Yardstick:
    """
    The figures of one line, counted once, with what its requirements file pins.

    :param passed: tests that pass with stock at least
    :param skipped: the others: put aside by upstream, or for want of GSSAPI or
        of locales; some may pass on a machine that has these
    :param renamed: names, targets of ``patch()`` and look-ups of the version
        that make way for the fork's other name
    """

    passed: int
    skipped: int
    renamed: tuple[int, int, int]


YARDSTICKS: Mapping[str, Yardstick] = {
    "5.1.0": Yardstick(547, 18, (153, 61, 1)),
    "4.0.0": Yardstick(534, 26, (200, 64, 1)),
    "3.5.1": Yardstick(552, 26, (197, 64, 0)),
    "2.12.0": Yardstick(392, 25, (205, 63, 0)),
}
