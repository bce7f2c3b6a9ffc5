"""
The comparison with stock finds what it is there to find.
"""

from __future__ import annotations

import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from upstream_rename import rename_suite
from upstream_suite import (
    Deviation,
    Line,
    Run,
    compare,
    missing_replacements,
    read_deviations,
    read_report,
    suspects,
    unpack_suite,
    whole,
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
    return Deviation(test, ("1.0",), "a reason", "tests/upstream/test_comparison.py::run")


STOCK = run(a="passed", b="passed", c="skipped")


def test_parts_of_a_run_are_put_together() -> None:
    """
    Every test of theirs is in the whole, with its words, and their time is added up.
    """
    failed = Run("x-1", {"b": "failed"}, {"b": "why"}, 2.0)
    assert whole("x", [run(a="passed"), failed]) == Run(
        "x", {"a": "passed", "b": "failed"}, {"b": "why"}, 3.0
    )


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


def test_compare_excuses_failure_when_stock_never_passes_it() -> None:
    """
    A test that stock passed among the others is ours, though alone it fails there too.
    """
    ours, again = run(a="failed", b="passed", c="skipped"), {"a": (False, False)}
    assert compare(ours, run(a="failed", b="passed", c="skipped"), [], again).ours == []
    assert compare(ours, STOCK, [], again).ours == ["a"]


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
    listed = [Deviation("a", (), "r", name) for name in [f"{here}::run", *wrong]]
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
    assert read.counts == (0, 1, 1)


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


def test_rows_tell_listed_failures_of_ours_from_others() -> None:
    """
    A listed failure is no failure, except with stock.
    """
    ours = Run("dropin", run(a="failed", b="failed", c="skipped").statuses, {}, 2.4)
    stock = Run("stock", ours.statuses, {}, 1.0)
    done = Line("1.0", {}, {"stock": stock, "dropin": ours}, [deviation("a")])
    assert done.rows() == [("1.0", "stock", 0, 2, 0, 1, 1), ("1.0", "dropin", 0, 1, 1, 1, 2)]


def test_read_deviations_refuses_entry_without_reason(tmp_path: Path) -> None:
    """
    A test is not put aside in silence.
    """
    entry = '[[deviation]]\nlines = ["1.0"]\ntest = "a"\nreplaced-by = "b"\n'
    file = tmp_path / "deviations.toml"
    file.write_text(entry, encoding="utf-8")
    with pytest.raises(KeyError, match="reason"):
        read_deviations(file)
    file.write_text(f'{entry}reason = "c"\n', encoding="utf-8")
    assert read_deviations(file) == [Deviation("a", ("1.0",), "c", "b")]


def sdist(folder: Path, files: Mapping[str, str]) -> Path:
    """
    Make an sdist of a few files.
    """
    for name, text in files.items():
        path = folder / "made" / "paramiko-1.0" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    archive = folder / "paramiko-1.0.tar.gz"
    with tarfile.open(archive, "w:gz") as made:
        made.add(folder / "made" / "paramiko-1.0", "paramiko-1.0")
    return archive


def test_unpack_suite_takes_tests_and_settings_and_not_the_package(tmp_path: Path) -> None:
    """
    The package would be imported in place of the wheel's.
    """
    made = sdist(tmp_path, {"tests/a.py": "", "paramiko/a.py": "", "pytest.ini": "[pytest]"})
    suite = unpack_suite(made, tmp_path / "suite", tmp_path / "none.ini")
    files = {str(path.relative_to(suite)) for path in suite.rglob("*") if path.is_file()}
    assert files == {"tests/a.py", "pytest.ini"}


def test_unpack_suite_takes_our_settings_when_sdist_has_none_and_then_alone(
    tmp_path: Path,
) -> None:
    """
    Which settings were used is never left to chance.
    """
    ours = tmp_path / "ours.ini"
    made = sdist(tmp_path, {"tests/a.py": ""})
    with pytest.raises(AssertionError, match="not both or none"):
        unpack_suite(made, tmp_path / "none", ours)
    ours.write_text("[pytest]\naddopts = -q\n", encoding="utf-8")
    suite = unpack_suite(made, tmp_path / "suite", ours)
    assert (suite / "pytest.ini").read_text("utf-8") == ours.read_text("utf-8")
    both = sdist(tmp_path, {"tests/a.py": "", "pytest.ini": "[pytest]"})
    with pytest.raises(AssertionError, match="not both or none"):
        unpack_suite(both, tmp_path / "both", ours)
