"""
What became of a dependant's suite on stock and on the drop-in, and how it is found out.
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from building import PINS
from checkout import filled_wheelhouse
from ecosystem.dependants import Dependant
from ecosystem.surroundings import account, container
from ecosystem.trial import Trial, build_wheel, install, nothing_left
from sdist import unpack
from upstream_suite import Run

from paramiko_gate.servers import openssh
from vendoring.acquire import fetch
from vendoring.verify import verify_artefact

NAMES = ("stock", "dropin")

# Not __version__, which on the older lines is what upstream says.
WHICH = (
    "import json, importlib.metadata as m, paramiko as p;"
    "print(json.dumps([p.__file__, m.version('paramiko')]))"
)


@dataclass
class Outcome:
    """
    Everything that was run for one dependant.

    :param installed: the version of the distribution paramiko in each environment
    :param files: where paramiko was imported from, and where it is installed
    :param alone: for tests that failed and no entry explains, whether they
        pass without the others: with the drop-in, with stock
    """

    dependant: Dependant
    runs: dict[str, Run] = field(default_factory=dict)
    installed: dict[str, str] = field(default_factory=dict)
    files: dict[str, tuple[Path, Path]] = field(default_factory=dict)
    alone: dict[str, tuple[bool, bool]] = field(default_factory=dict)


def run_dependant(dependant: Dependant, drop_ins: dict[str, Path], folder: Path) -> Outcome:
    """
    Fetch, build, install and run one dependant; blocks for minutes, within its limits.
    """
    folder.mkdir()
    wheelhouse, line = filled_wheelhouse(), PINS.lines[dependant.line]
    sdist = fetch(dependant.sdist, dependant.version, wheelhouse, dependant.package)
    verify_artefact(sdist, dependant.sdist)
    own = build_wheel(dependant, sdist, folder)
    paramikos = {"stock": wheelhouse / line.wheel.file, "dropin": drop_ins[dependant.line]}
    outcome = Outcome(dependant)
    trials = {}
    paths = {PurePosixPath(path) for path in dependant.paths}

    def is_wanted(path: PurePosixPath) -> bool:
        return not paths.isdisjoint({path, *path.parents})

    with contextlib.ExitStack() as around:
        around.enter_context(nothing_left(dependant.leaves))
        for name in NAMES:
            environment = install(dependant, folder / name / "env", own, paramikos[name])
            suite = unpack(sdist, folder / name / "suite", is_wanted)
            file, version = json.loads(environment.run("-c", WHICH, cwd=suite).stdout)
            outcome.files[name] = (Path(file), environment.package("paramiko"))
            outcome.installed[name] = version
            variables = surround(dependant, folder / name, suite, around)
            trials[name] = Trial(name, dependant, environment, suite, variables)
            outcome.runs[name] = trials[name].run()
        failed = {
            test
            for run in outcome.runs.values()
            for test in run.of("failed")
            if not any(item.covers(test) for item in dependant.unfit)
            and test not in {deviation.test for deviation in dependant.deviations}
        }
        ours, stock = (trials[name].passes_alone(failed) for name in ("dropin", "stock"))
        outcome.alone = {test: (ours[test], stock[test]) for test in failed}
    return outcome


def surround(
    dependant: Dependant, folder: Path, suite: Path, around: contextlib.ExitStack
) -> dict[str, str]:
    """
    Start what a suite needs, and return the variables that tell it where that is.
    """
    if not dependant.needs:
        return dict(dependant.variables)
    site = folder / "site"
    site.mkdir()
    host = around.enter_context(openssh.run_site(site)).host
    variables = {}
    if "account" in dependant.needs:
        variables.update(account(host, folder / "home"))
    if "container" in dependant.needs:
        variables.update(container(host, folder / "container", suite / "test" / "id_rsa"))
    values = {"address": host.address, "port": host.port, "user": host.user}
    variables.update({key: text.format(**values) for key, text in dependant.variables.items()})
    return variables
