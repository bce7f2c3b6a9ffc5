# This module is part of paramiko-patched, which adds it to paramiko.  It is
# distributed under the same licence, the GNU Lesser General Public License,
# version 2.1 or (at your option) any later one.

"""
What this package is made of, and whether it still is what was built.

``python -m paramiko._patched`` in the drop-in distribution, ``python -m
paramiko_patched`` in the other. Reads ``_patched.json`` in the package and
hashes the package's files; imports nothing of the package, so that a package
too damaged to import can still be asked: ``python -I
.../_patched/__main__.py`` (``-I`` because the package has modules with names
of the standard library's).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

__all__ = ["differences", "main", "read_provenance"]

PACKAGE = Path(__file__).resolve().parent.parent
PROVENANCE = "_patched.json"


def read_provenance() -> dict[str, Any]:
    """
    Return what the build wrote about itself.

    :raises OSError: the file is missing
    :raises ValueError: it is not what the build wrote
    """
    text = (PACKAGE / PROVENANCE).read_text(encoding="utf-8")
    provenance = json.loads(text)
    if not isinstance(provenance, dict) or provenance.get("schema") != 1:
        raise ValueError("not a provenance file of schema 1")
    return provenance


def differences(provenance: dict[str, Any]) -> dict[str, list[str]]:
    """
    Compare the installed files with the build's.

    :returns: under ``modified``, ``missing`` and ``added`` the sorted paths
        inside the package; byte code and the provenance file do not count
    """
    wanted = provenance["files"]
    got = {}
    for path in PACKAGE.rglob("*"):
        name = path.relative_to(PACKAGE).as_posix()
        if path.is_file() and path.suffix != ".pyc" and name != PROVENANCE:
            got[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    both = set(wanted) & set(got)
    return {
        "modified": sorted(path for path in both if wanted[path] != got[path]),
        "missing": sorted(set(wanted) - set(got)),
        "added": sorted(set(got) - set(wanted)),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """
    Print the provenance and return 0 if the files are intact, else 1.
    """
    parser = argparse.ArgumentParser(
        description="Say what this paramiko is made of and check its files."
    )
    parser.add_argument(
        "--json", action="store_true", help="print the facts as JSON"
    )
    options = parser.parse_args(arguments)
    try:
        provenance = read_provenance()
        different = differences(provenance)
        report = _report(provenance, different)
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as e:
        # The last three: it is JSON, but somebody cut something out of it.
        print(
            f"the provenance of this package cannot be read\n"
            f"  wanted: {PROVENANCE} in {PACKAGE}\n"
            f"  got: {type(e).__name__}: {e}\n"
            f"  hint: install the wheel again",
            file=sys.stderr,
        )
        return 1
    intact = not any(different.values())
    if options.json:
        told = {**provenance, "installed": {"intact": intact, **different}}
        print(json.dumps(told, indent=2))
    else:
        print("\n".join(report))
    return 0 if intact else 1


def _report(
    provenance: dict[str, Any], different: dict[str, list[str]]
) -> list[str]:
    upstream = provenance["upstream"]
    lines = [
        "{distribution} {version}, imported as {import_name}".format(
            **provenance
        ),
        "upstream: paramiko {version}, tree sha256 {tree_sha256}".format(
            **upstream
        ),
    ]
    for artefact in upstream["artefacts"]:
        lines.append("  {file}: sha256 {sha256}".format(**artefact))
    lines.append("patches: {}".format(len(provenance["patches"])))
    for patch in provenance["patches"]:
        lines.append("  {name}: {description}".format(**patch))
        lines += [f"    {bug}" for bug in patch["bugs"]]
    lines.append("modules of our own: {}".format(len(provenance["overlays"])))
    for module in provenance["overlays"]:
        lines.append("  {module}: {description}".format(**module))
        lines += [f"    {bug}" for bug in module["bugs"]]
    lines.append(
        "this line is kept until "
        + (upstream["kept_until"] or "a year after the next one is served")
    )
    lines.append("scope: " + provenance["scope"])
    advisories = provenance["advisories"]
    if advisories["checked"] or advisories["open"]:
        known = "" if advisories["open"] else "none known"
        when = advisories["checked"] or "at no known date"
    else:
        known, when = "not looked up", "never"
    lines.append(f"open advisories of this release, looked up {when}: {known}")
    for advisory in advisories["open"]:
        lines.append("  {id}: {summary}".format(**advisory))
    if any(different.values()):
        lines.append("files: NOT as built")
        for how, paths in different.items():
            lines += [f"  {how}: {path}" for path in paths]
    else:
        lines.append("files: {} as built".format(len(provenance["files"])))
    return [line.rstrip() for line in lines]


if __name__ == "__main__":
    sys.exit(main())
