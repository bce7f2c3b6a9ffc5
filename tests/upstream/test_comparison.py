"""
The comparison with stock finds what it is there to find.
"""

from __future__ import annotations

from pathlib import Path

from upstream_suite import (
    Deviation,
    Run,
    compare,
    missing_replacements,
    read_report,
    rename_suite,
    suspects,
)


def run(**statuses: str) -> Run:
    """
    Return a run of tests that ended so.
    """
    return Run("x", statuses, {}, 1.0)


def deviation(test: str) -> Deviation:
    """
    Return a deviation for a test.
    """
    return Deviation(test, "a reason", "tests/upstream/test_comparison.py::run")


STOCK = run(a="passed", b="passed", c="skipped")


def test_compare_accepts_equal_runs_and_listed_failures() -> None:
    """
    Nothing is said of runs that end alike, but for what is listed.
    """
    for ours, listed in ((STOCK, []), (run(a="failed", b="passed", c="skipped"), ["a"])):
        verdict = compare(ours, STOCK, [deviation(test) for test in listed], {})
        assert (verdict.ours, verdict.idle, verdict.unsteady) == ([], [], [])


def test_compare_finds_failure_of_ours_when_it_fails_alone_too() -> None:
    """
    A test that fails alone with us and passes with stock is ours.
    """
    ours = run(a="failed", b="passed", c="skipped")
    assert suspects(ours, []) == {"a"}
    assert compare(ours, STOCK, [], {"a": (False, True)}).ours == ["a"]
    verdict = compare(ours, STOCK, [], {"a": (True, True)})
    assert (verdict.ours, verdict.unsteady) == ([], ["a"])
    assert compare(ours, STOCK, [], {"a": (False, False)}).ours == []


def test_compare_finds_test_that_is_skipped_or_gone_with_us() -> None:
    """
    A test is not passed by leaving it out.
    """
    assert compare(run(a="skipped", b="passed", c="skipped"), STOCK, [], {}).ours == ["a"]
    assert compare(run(b="passed", c="skipped"), STOCK, [], {}).ours == ["a"]


def test_compare_finds_deviation_that_is_none() -> None:
    """
    A listed test that passes, is not there, or fails with stock as well, is an error.
    """
    failing = run(a="failed", b="passed", c="failed")
    assert compare(STOCK, STOCK, [deviation("a")], {}).idle == ["a"]
    assert compare(STOCK, STOCK, [deviation("z")], {}).idle == ["z"]
    listed = [deviation("a"), deviation("c")]
    assert compare(failing, STOCK, listed, {}).idle == ["c"]


def test_missing_replacements_names_tests_that_do_not_exist() -> None:
    """
    A replacement is a file and a function in it.
    """
    here = "tests/upstream/test_comparison.py"
    wrong = [f"{here}::test_nothing", here, "tests/none.py::test_x"]
    listed = [Deviation("a", "r", name) for name in [f"{here}::run", *wrong]]
    assert missing_replacements(listed) == wrong


def test_read_report_gives_ids_that_pytest_takes(tmp_path: Path) -> None:
    """
    File, classes and parameters are put together again, the worst report counting.
    """
    report = tmp_path / "report.xml"
    report.write_text(
        '<testsuites><testsuite time="2.5">'
        '<testcase classname="tests.test_a.A.B" file="tests/test_a.py" name="test_x[1.2]"/>'
        '<testcase classname="tests.test_a.A.B" file="tests/test_a.py" name="test_x[1.2]">'
        '<failure message="no&#10;more"/></testcase>'
        '<testcase classname="tests.test_a" file="tests/test_a.py" name="test_y">'
        '<skipped message="not here"/></testcase>'
        "</testsuite></testsuites>",
        encoding="utf-8",
    )
    read = read_report(report, "stock")
    assert read.statuses == {
        "tests/test_a.py::A::B::test_x[1.2]": "failed",
        "tests/test_a.py::test_y": "skipped",
    }
    assert read.said == {"tests/test_a.py::A::B::test_x[1.2]": "no"}
    assert str(read) == "stock: 0 passed, 1 skipped, 1 failed in 2 s"


def test_rename_suite_changes_names_targets_and_version_alone(tmp_path: Path) -> None:
    """
    Other strings of the tests are part of what they test.
    """
    (tmp_path / "tests").mkdir()
    test = tmp_path / "tests" / "test_a.py"
    test.write_text(
        "import paramiko\n"
        '@patch("paramiko.proxy.os", x=paramiko.y)\n'
        'log("paramiko.transport"); metadata.version("paramiko"); patch("os.kill")\n',
        encoding="utf-8",
    )
    assert rename_suite(tmp_path, "paramiko_patched", "paramiko-patched") == (2, 1, 1)
    assert test.read_text(encoding="utf-8") == (
        "import paramiko_patched\n"
        '@patch("paramiko_patched.proxy.os", x=paramiko_patched.y)\n'
        'log("paramiko.transport"); metadata.version("paramiko-patched"); patch("os.kill")\n'
    )


def test_rename_suite_follows_calls_over_lines(tmp_path: Path) -> None:
    """
    A target on the line below its ``patch(`` is found as well.
    """
    (tmp_path / "tests").mkdir()
    test = tmp_path / "tests" / "test_a.py"
    test.write_text('@patch(\n    # why\n    "paramiko.x"\n)\n', encoding="utf-8")
    assert rename_suite(tmp_path, "paramiko_patched", "paramiko-patched") == (0, 1, 0)
    assert test.read_text(encoding="utf-8") == '@patch(\n    # why\n    "paramiko_patched.x"\n)\n'
