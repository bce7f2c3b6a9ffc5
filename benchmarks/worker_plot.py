"""
Draw what a Celery worker does when an operator kills its proxies, with stock and with the fork.

    python -m benchmarks.worker_plot docs/worker.svg

Both run one after the other: the worker of ``examples/celery_fabric``, a real ``sshd`` as the
bastion and one behind it, Redis, and a command that blocks in each of the two processes of the
pool. Then every ``ssh -W`` is killed, and later the next two tasks are sent.
"""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# The worker and all around it are those of the tests.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

import pytest
from checkout import ROOT
from e2e.bastions import write_config
from e2e.broker import run_redis
from e2e.libraries import NEWEST, Libraries
from e2e.tasks import Tasks
from e2e.worker_process import Worker
from waiting import wait_until

from paramiko_gate.errors import EXIT_PASS, EXIT_USAGE, GateError
from paramiko_gate.servers.endpoint import Site
from paramiko_gate.servers.openssh import run_site

EXAMPLE = ROOT / "examples" / "celery_fabric"
EXIT_INTERRUPTED = 130
PROCESSES = 2
INTERVAL_S = 0.5
#: The course of it, in seconds.
KILL_S = 10.0
NEXT_S = 20.0
END_S = 30.0
#: Colour and width: where the lines are one on the other, both are seen.
LOOKS = {"stock": ("#e0776b", 5.0), "fork": ("#1f6fb2", 2.0)}


@dataclass
class Course:
    """
    Hold what one worker did: a sample at each of some moments.

    :param float told_s: from the kill until both tasks had failed, or None
    :param int succeeded: of the next tasks
    """

    seconds: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    proxies: list[int] = field(default_factory=list)
    told_s: float | None = None
    succeeded: int = 0

    def told(self) -> str:
        """Say when the tasks had failed that were blocked."""
        return "nobody is told" if self.told_s is None else f"told in {self.told_s * 1000:.0f} ms"


def watch(worker: Worker, tasks: Tasks) -> Course:
    """
    Return the course of one worker; blocks for `END_S` and until both tasks have started.
    """
    for number in range(PROCESSES):
        # The first result of a process takes seconds of CPU: Celery imports what stores it.
        tasks.run(f"sleep 1; echo {number}")
    blocked = [tasks.start_blocked() for _ in range(PROCESSES)]
    following: list[str] = []
    course = Course()
    started = time.monotonic()
    killed_s: float | None = None
    before, at = sum(worker.cpu_s().values()), started
    while at - started < END_S:
        time.sleep(INTERVAL_S)
        used, now = sum(worker.cpu_s().values()), time.monotonic()
        course.seconds.append(now - started)
        course.cpu.append((used - before) / (now - at) * 100)
        course.proxies.append(len(worker.living_proxies()))
        before, at = used, now
        if killed_s is None and now - started >= KILL_S:
            killed_s = time.monotonic()
            worker.kill_proxies()
            # Closely for as long as a sample takes, and then with each sample.
            with contextlib.suppress(AssertionError):
                wait_until(lambda: _all_done(tasks, blocked), INTERVAL_S, "the end of both tasks")
        if killed_s and course.told_s is None and _all_done(tasks, blocked):
            course.told_s = time.monotonic() - killed_s
        if not following and now - started >= NEXT_S:
            following = [tasks.start("sleep 1") for _ in range(PROCESSES)]
    ends = [tasks.stored(task).get("status") for task in following]
    course.succeeded = ends.count("SUCCESS")
    return course


def _all_done(tasks: Tasks, started: list[str]) -> bool:
    return all(tasks.stored(task) for task in started)


def run(library: str, libraries: Libraries, site: Site, broker_url: str, folder: Path) -> Course:
    """
    Start the worker with one library, and return its course.
    """
    settings = {
        "BROKER_URL": broker_url,
        "SSH_CONFIG": str(write_config(folder / "ssh_config", site.bastion, site.host)),
        "KNOWN_HOSTS": str(site.host.known_hosts),
        # None in this time, as is Fabric's default: stock is told when the next one fails.
        "KEEPALIVE_S": "3600",
    }
    command = [libraries.python(library, NEWEST), "-m", "celery", "-A", "worker", "worker"]
    command += ["--pool", "prefork", "--concurrency", str(PROCESSES)]
    with contextlib.ExitStack() as ends:
        tasks = Tasks(broker_url)
        ends.callback(tasks.close)
        worker = Worker(command, EXAMPLE, settings, folder / f"{library}.log")
        ends.callback(worker.end)
        worker.wait_ready()
        return watch(worker, tasks)


def draw(courses: dict[str, Course], pyplot: Any, path: Path) -> None:
    """
    Write both courses as an SVG.
    """
    figure, (upper, lower) = pyplot.subplots(2, 1, sharex=True, figsize=(8, 5))
    for library, course in courses.items():
        label = f"{library}: {course.told()}, {course.succeeded} of {PROCESSES} next tasks succeed"
        look = dict(zip(("color", "linewidth"), LOOKS[library]))
        upper.plot(course.seconds, course.cpu, label=label, **look)
        lower.step(course.seconds, course.proxies, where="pre", **look)
    for axes in (upper, lower):
        for at_s, what in ((KILL_S, "all ssh -W killed"), (NEXT_S, "next tasks sent")):
            axes.axvline(at_s, color="#888888", linestyle=":")
            if axes is upper:
                axes.text(at_s + 0.2, 1.02, what, transform=axes.get_xaxis_transform(), fontsize=9)
        axes.grid(alpha=0.3)
        axes.set_xlim(0, END_S)
    upper.set_ylabel("CPU of the worker,\n% of a core")
    upper.set_ylim(-5, 100 * PROCESSES + 5)
    upper.legend(loc="center right", fontsize=9)
    lower.set_ylabel("ssh -W that run")
    lower.set_yticks(range(PROCESSES + 1))
    lower.set_xlabel("seconds; a Celery worker with two processes, both blocked in a command")
    figure.tight_layout()
    figure.savefig(path, format="svg", metadata={"Date": None})


def import_pyplot() -> Any:
    """
    Return what draws, set up so that text stays text and the same figures give the same file.

    :raises ModuleNotFoundError: there is no matplotlib
    """
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "worker"})
    from matplotlib import pyplot

    return pyplot


def main() -> int:
    """
    Measure and draw; nothing is written unless both have run.
    """
    parser = argparse.ArgumentParser(description=(__doc__ or "").strip().splitlines()[0])
    parser.add_argument("svg", type=Path, metavar="FILE", help="where the plot goes")
    parser.add_argument(
        "--environments",
        type=Path,
        metavar="DIR",
        help="keep the workers' environments there, and take those that are there already",
    )
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    courses = {}
    try:
        pyplot = import_pyplot()
        if not options.svg.parent.is_dir():
            raise GateError(f"there is no directory {options.svg.parent} for the plot")
        with contextlib.ExitStack() as servers:
            folder = Path(servers.enter_context(tempfile.TemporaryDirectory(prefix="worker-plot-")))
            for part in ("site", "redis", "builds"):
                (folder / part).mkdir()
            libraries = Libraries(
                options.environments or folder / "environments", folder / "builds"
            )
            site = servers.enter_context(run_site(folder / "site"))
            url = servers.enter_context(run_redis(folder / "redis"))
            for library in LOOKS:
                print(f"{library}: {END_S:g} s", file=sys.stderr)
                courses[library] = run(library, libraries, site, url, folder)
        draw(courses, pyplot, options.svg)
    except GateError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except ModuleNotFoundError as error:
        print(f"the plot needs {error.name}: pip install {error.name}", file=sys.stderr)
        return EXIT_USAGE
    except (AssertionError, pytest.fail.Exception) as error:
        print(f"the worker cannot be watched\n  got: {error}", file=sys.stderr)
        return EXIT_USAGE
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    for library, course in courses.items():
        later = [cpu for at, cpu in zip(course.seconds, course.cpu) if KILL_S + 1 < at < NEXT_S]
        used = f"{sum(later) / len(later):.1f} % of a core"
        print(f"{library}: {course.told()}; CPU after the kill {used}")
    return EXIT_PASS


if __name__ == "__main__":
    sys.exit(main())
