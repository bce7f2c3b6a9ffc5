"""
Which tests are in the first ring, and what the selected ones ask for.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from building import KINDS, PINS

#: Every line; all but the newest are left to ``tox -m ci``.
LINES = [
    pytest.param(
        line,
        id=line,
        marks=[] if line == PINS.newest else [pytest.mark.ci("the newest line stands for all")],
    )
    for line in PINS.lines
]
#: Each of them with each kind.
LINES_AND_KINDS = [
    pytest.param(*line.values, kind, id=f"{line.id}-{kind}", marks=line.marks)
    for line in LINES
    for kind in KINDS
]


def asked_for(session: pytest.Session, parameter: str, folder: Path) -> set[Any]:
    """
    Return each value of a parameter that a test of this run has which stands in a directory.

    Tests of others have parameters of the same names, and are run in the same session.
    """
    specs = [
        getattr(item, "callspec", None)
        for item in session.items
        if item.path.is_relative_to(folder)
    ]
    return {spec.params[parameter] for spec in specs if spec and parameter in spec.params}
