"""
A program sees the API of the release that the library is made from.
"""

from __future__ import annotations

from types import ModuleType

import apis
from checkout import ROOT, filled_wheelhouse
from public_functions import public_functions, unlike

from vendoring.pinfile import read_pins


def test_library_lacks_exactly_what_its_release_lacked(paramiko: ModuleType) -> None:
    """
    What must not change: the fork has what upstream has. The skipped tests are these and no others.
    """
    assert apis.lacking(paramiko) == apis.LACKING.get(apis.release(paramiko), frozenset())


def test_version_is_numbers_and_dots_that_begin_with_upstreams(paramiko: ModuleType) -> None:
    """
    Programs turn what stands between the dots into integers, some of them when they are imported.
    """
    numbers = tuple(int(number) for number in paramiko.__version__.split("."))
    assert numbers[:3] == tuple(int(number) for number in apis.release(paramiko).split("."))


def test_program_sees_names_signatures_and_documentation_of_stock(paramiko: ModuleType) -> None:
    """
    What is installed is compared with the release, but for what `public_functions.MEANT` lists.
    """
    line = read_pins(ROOT).lines[apis.release(paramiko)]
    stock = public_functions(filled_wheelhouse() / line.wheel.file, "paramiko")
    fork = public_functions(None, paramiko.__name__)
    assert unlike(stock, fork) == {}


def test_comparison_tells_what_is_missing_and_what_differs() -> None:
    """
    The two tests above and beside can fail.
    """
    stock = {"a:b": {"type": "module"}, "a.f": {"doc": "x", "signature": "(y)"}}
    fork = {"a.f": {"doc": "x", "signature": "(*args)"}}
    assert unlike(stock, fork) == {
        "a:b": "differs in type, and is meant to in nothing",
        "a.f": "differs in signature, and is meant to in nothing",
    }
    # What is listed must differ.
    meant = {"transport.Transport.close": {"doc": "x"}}
    assert "differs in nothing, and is meant to in doc" in unlike(meant, meant)[next(iter(meant))]
