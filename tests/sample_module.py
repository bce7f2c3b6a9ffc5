"""
A module to be spliced, small enough to be compared as a whole.
"""

from __future__ import annotations

import textwrap

import pytest

from vendoring.entries import parse_entries
from vendoring.errors import SpliceError
from vendoring.series import Patch
from vendoring.splice import splice

MODULE = '''\
"""Sample."""
import os, sys
import threading


LIMIT = 5
one = 1; two = 2
try:
    import queue
except ImportError:
    queue = None


class Base:
    @property
    def name(self):
        return "base"

    def close(self):
        # Comment of theirs.
        if self.open:
            self.stop()
        else:
            self.stop()
        self.sock.close()

    def close_all(self):
        self.close()

    def twice(self):
        pass

    def twice(self):
        pass


class Other(Base):
    def close(self):
        super().close()

    def run(self):
        try:
            if self.open:
                self.stop()
            elif self.closed:
                self.stop()
            a = 1; b = 2
        except Exception: pass
        return a, b


def start():
    return Base()
'''

CLOSE = """\
    def close(self):
        # Comment of theirs.
        if self.open:
            self.stop()
        else:
            self.stop()
        self.sock.close()
"""


def patch(name: str, text: str, module: str = "sample.py") -> Patch:
    """
    Return a patch of one module, given with any indentation.
    """
    data = textwrap.dedent(text).encode()
    entries = parse_entries(data, f"patches/{name}/{module}")
    return Patch(name, {"Description": "sample"}, {module: entries}, "0" * 64)


def spliced(*texts: str) -> str:
    """
    Return the sample module after one patch per text.
    """
    series = [patch(f"000{number}-x", text) for number, text in enumerate(texts, 1)]
    return splice({"sample.py": MODULE}, series, "9.9")["sample.py"]


def refusal(*texts: str) -> str:
    """
    Apply one patch per text, which must be refused, and return what is said.
    """
    with pytest.raises(SpliceError) as caught:
        spliced(*texts)
    return str(caught.value)
