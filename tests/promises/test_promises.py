"""
Each promise has a test that plain `tox` runs; and the check of that fails when it should.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from checkout import ROOT
from promises.first_ring import first_ring
from promises.listed import Promise, problems, read_promises

README = """
## What is different

For connections through a proxy command:

- The proxy is ended. It never
  raises.

For all connections:

- Time limits hold.

### Limits

- Linux.
"""

HERE = "tests/promises/test_promises.py"
TEST = f"{HERE}::test_list_that_is_right_is_accepted"
#: There is such a test, and only a release runs it.
OTHER_RING = "tests/builds/test_bits.py::test_there_is_a_wheel_for_every_line_and_kind"

#: A list that is right, for the README above.
RIGHT = [
    Promise("ended", "It ends.", "proxied", "The proxy is ended. It", tests=[TEST]),
    Promise("silent", "It is silent.", "proxied", "It never raises", tests=[TEST]),
    Promise("limits", "They hold.", "all", "Time limits hold", tests=[TEST]),
    Promise("more", "More.", "all", design="A paragraph", tests=[TEST]),
]


def found(*promises: Promise, readme: str = README) -> list[str]:
    """
    Return what is wrong with a list, where the first ring is one test.
    """
    return list(problems(list(promises), readme, {TEST}, ROOT))


# pytest imports all tests of the first ring, once for each command of tox.ini.
@pytest.mark.timeout(300)
def test_every_promise_has_a_test_in_the_first_ring() -> None:
    """
    See the head of ``promises.toml`` for what to do.
    """
    promises = read_promises(Path(__file__).with_name("promises.toml"))
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    ring = first_ring(ROOT)
    assert OTHER_RING not in ring
    wrong = list(problems(promises, readme, ring, ROOT))
    assert not wrong, "\n".join(["", *wrong])


def test_list_that_is_right_is_accepted() -> None:
    assert found(*RIGHT) == []


@pytest.mark.parametrize(
    ("tests", "wrong"),
    [
        ([], "more: no test"),
        ([f"{HERE}::test_of_old"], f"more: {HERE}::test_of_old is gone"),
        (["tests/gone.py::test_it"], "more: tests/gone.py::test_it is gone"),
        ([OTHER_RING], f"more: {OTHER_RING} is not in the first ring"),
    ],
    ids=["none", "gone", "file-gone", "other-ring"],
)
def test_promise_is_refused_without_a_test_that_is_run(tests: list[str], wrong: str) -> None:
    """
    One good test beside it does not help a test that is gone.
    """
    beside = [TEST] if tests else []
    assert found(*RIGHT[:-1], dataclasses.replace(RIGHT[-1], tests=[*beside, *tests])) == [wrong]


def test_words_of_the_readme_are_refused_when_nobody_lists_them() -> None:
    """
    A new bullet, a new sentence, and a bullet that now says something else.
    """
    more = README.replace("- Time", "- Time is money.\n- Time")
    assert found(*RIGHT, readme=more) == ["README.md promises what is not listed: Time is money."]
    more = README.replace("raises.", "raises. Nor does\n  it block.")
    assert found(*RIGHT, readme=more) == [
        "README.md promises what is not listed: ... . Nor does it block."
    ]
    assert found(*RIGHT, readme=README.replace("never", "seldom")) == [
        "silent: README.md does not say (any more): It never raises",
        "README.md promises what is not listed: ...  seldom raises.",
    ]


def test_promise_for_all_connections_is_not_one_for_proxied_ones() -> None:
    moved = dataclasses.replace(RIGHT[2], scope="proxied")
    assert found(*RIGHT[:2], moved) == [
        "limits: README.md does not say (any more): Time limits hold",
        "README.md promises what is not listed: Time limits hold.",
    ]


def test_entry_is_refused_when_it_is_malformed() -> None:
    """
    An id that is used twice, and a promise that is made nowhere or in two places.
    """
    assert found(*RIGHT, RIGHT[-1]) == ["more: the id is used twice"] * 2
    needs = "more: needs a scope, and either `readme` or `design`"
    more = RIGHT[-1]
    for wrong in (
        dataclasses.replace(more, design=""),
        dataclasses.replace(more, readme="Time"),
        dataclasses.replace(more, scope="some"),
    ):
        assert found(*RIGHT[:-1], wrong) == [needs]


def test_first_ring_is_what_pytest_would_run(tmp_path: Path) -> None:
    """
    The paths, marks and expressions of tox.ini decide, and those of other environments do not.
    """
    (tmp_path / "tox.ini").write_text(
        """
[tox]
env_list = lint, py
[testenv]
commands =
    pytest {posargs:-n 4 -m "not slow" --dist loadfile tests
    # A comment.
    pytest -k second more}
    py: pytest last {posargs}
    late: pytest late
[testenv:soak]
commands = pytest late
"""
    )
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = slow: takes long\n")
    sources = {
        "tests": "import pytest\n"
        "@pytest.mark.parametrize('n', ['a::b', 'c'])\n"
        "def test_quick(n): pass\n"
        "@pytest.mark.slow\n"
        "def test_slow(): pass\n",
        "more": "def test_first(): pass\ndef test_second(): pass\n",
        "last": "def test_last(): pass\n",
        "late": "def test_late(): pass\n",
    }
    for folder, source in sources.items():
        (tmp_path / folder).mkdir()
        (tmp_path / folder / f"test_{folder}.py").write_text(source)
    assert first_ring(tmp_path) == {
        "tests/test_tests.py::test_quick",
        "more/test_more.py::test_second",
        "last/test_last.py::test_last",
    }


def test_first_ring_is_refused_when_tox_leaves_it_out(tmp_path: Path) -> None:
    (tmp_path / "tox.ini").write_text("[tox]\nenv_list = lint\n[testenv]\ncommands = pytest\n")
    with pytest.raises(AssertionError, match="not run by plain tox"):
        first_ring(tmp_path)
