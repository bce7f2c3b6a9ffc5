"""
What every case is given, and how its findings become pytest's outcome.

Role: the only part of the gate that knows both pytest and the verdict. With a control, each case
runs on the target and on the control in turn, and the test on the control passes exactly when
the control *fails* the case: a case that cannot fail proves nothing.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from paramiko_gate.errors import GateError
from paramiko_gate.plugin import RECORD, SUBJECTS
from paramiko_gate.servers.endpoint import Site
from paramiko_gate.target import Subject
from paramiko_gate.trial import Trial
from paramiko_gate.verdict import FAIL, PASS, Record


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each case on the target and, where one was asked for, on the control after it."""
    if "role" in metafunc.fixturenames:
        compared = bool(metafunc.config.getoption("gate_compare"))
        metafunc.parametrize("role", ("target", "control") if compared else ("target",))


def pytest_itemcollected(item: pytest.Item) -> None:
    """Give each case its record at once, so that one whose set-up fails has one too."""
    callspec = getattr(item, "callspec", None)
    if callspec is not None and "role" in callspec.params:
        record = Record(case=name_case(item), role=callspec.params["role"])
        item.stash[RECORD] = record
        # So that -k understands the names that --list and the table show.
        item.extra_keyword_matches.add(record.case)


def name_case(item: pytest.Item) -> str:
    """Return ``moment[fault]``, the name that target and control share."""
    assert isinstance(item, pytest.Function)
    moment = item.originalname.removeprefix("test_")
    others = [word for word in item.callspec.id.split("-") if word not in ("target", "control")]
    return f"{moment}[{'-'.join(others)}]" if others else moment


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Conclude a case whose checks could all be made; an exception leaves it unknown."""
    result = yield
    record = pyfuncitem.stash.get(RECORD, None)
    if record is not None:
        record.conclude()
        pyfuncitem.user_properties.append(("verdict", record.verdict))
        pyfuncitem.user_properties.extend(record.measured.items())
        if record.role == "target" and record.verdict == FAIL:
            pytest.fail("\n".join(map(str, record.findings)), pytrace=False)
        if record.role == "control" and record.verdict == PASS:
            pytest.fail("the control passed: this case has not shown that it can fail", False)
    return result


@pytest.fixture(scope="session")
def subjects(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Subject]:
    """Return the target and, where one was asked for, the control, by role."""
    prepared = request.config.stash.get(SUBJECTS, None)
    if prepared is not None:
        return prepared
    from paramiko_gate.prepare import prepare_subjects

    option = request.config.getoption
    refusal = ""
    try:
        return prepare_subjects(
            option("gate_target"),
            option("gate_python"),
            option("gate_compare"),
            tmp_path_factory.mktemp("control") / "environment",
        )
    except GateError as error:
        refusal = str(error)
    # Outside of the handler, so that pytest does not print the error twice.
    pytest.fail(refusal, pytrace=False)


@pytest.fixture
def trial(
    role: str,
    subjects: dict[str, Subject],
    gate_site: Site,
    request: pytest.FixtureRequest,
) -> Iterator[Trial]:
    """Start a client program of the subject whose turn it is; everything ends with the case."""
    with contextlib.ExitStack() as stack:
        # Not pytest's tmp_path: its own clean-up fails when a run is interrupted in mid-case.
        directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="paramiko-gate-case-"))
        record = request.node.stash[RECORD]
        yield Trial(subjects[role], gate_site, Path(directory), record, stack)
