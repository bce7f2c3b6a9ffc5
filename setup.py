"""
Hand the staged fork to setuptools: what is packed, under which name.

Run by `vendoring.backend` in a fresh directory, never by hand.
"""

from pathlib import Path

from setuptools import find_packages, setup

from vendoring.backend import current_build
from vendoring.commands import SourceDistribution, Wheel
from vendoring.provenance import LICENSE_EXPRESSION
from vendoring.pythons import TESTED
from vendoring.stage import write

STAGE = Path("build", "stage")

build = current_build()
package = build.package
name = package.kind.import_name
write(package, STAGE)

packages = find_packages(str(STAGE), include=[name, f"{name}.*"])
package_dir = {name: str(STAGE / name)}
package_data = {name: ["_patched.json"]}
entry_points = {}
extras = package.extras

if package.kind.name == "namespaced":
    # The gate judges a paramiko, so it never ships inside one.
    packages += find_packages(include=["paramiko_gate", "paramiko_gate.*"])
    package_data["paramiko_gate"] = ["**/*.toml", "**/*.html", "py.typed"]
    entry_points = {
        "console_scripts": ["paramiko-gate = paramiko_gate.cli:main"],
        "pytest11": ["paramiko_gate.plugin = paramiko_gate.plugin"],
    }
    extras["gate"] = [
        "asyncssh>=2.14",
        "packaging>=23",
        "psutil>=5.9",
        "pytest>=8",
        "pytest-timeout>=2.2",
        "rich>=13",
    ]

readme = Path("README.md")
setup(
    name=package.kind.distribution,
    version=package.version,
    description=f"paramiko {build.line.version} with a ProxyCommand whose death is noticed",
    long_description=readme.read_text(encoding="utf-8") if readme.exists() else "",
    long_description_content_type="text/markdown",
    license_expression=LICENSE_EXPRESSION,
    license_files=["LICENSE"],
    project_urls={"Upstream": "https://www.paramiko.org"},
    classifiers=[
        "Development Status :: 5 - Production/Stable",
        "Intended Audience :: Developers",
        "Programming Language :: Python :: 3 :: Only",
        *(f"Programming Language :: Python :: {version}" for version in TESTED),
        "Topic :: Security :: Cryptography",
        "Topic :: System :: Networking",
    ],
    python_requires=package.python,
    install_requires=list(package.requirements),
    extras_require=extras,
    packages=packages,
    package_dir=package_dir,
    package_data=package_data,
    include_package_data=False,
    entry_points=entry_points,
    zip_safe=False,
    cmdclass={"bdist_wheel": Wheel, "sdist": SourceDistribution},
)
