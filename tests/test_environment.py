"""The files that make the environment agree with each other and with what is installed."""

from __future__ import annotations

import importlib.metadata
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import yaml
from packaging.requirements import Requirement
from packaging.version import Version

from tests.command import run
from tests.fixtures import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]


def pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    lines = [line for line in lines if line and not line.startswith("#")]
    for line in lines:
        assert re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.!]+", line), f"not a plain name==version: {line}"
    return {canonical(name): version for name, version in (line.split("==") for line in lines)}


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def requirements() -> list[Requirement]:
    lines = [*PROJECT["dependencies"], *(line for extra in EXTRAS.values() for line in extra)]
    return [Requirement(line) for line in lines]


def test_every_requirement_is_pinned_within_its_range() -> None:
    pinned = pins()
    for requirement in requirements():
        assert requirement.specifier.contains(Version(pinned[canonical(requirement.name)])), requirement


def test_what_is_installed_is_at_least_what_is_pinned() -> None:
    """The pins are what was tested; newer versions are welcome, where the ranges take them."""
    for name, version in pins().items():
        assert Version(importlib.metadata.version(name)) >= Version(version), name
    for requirement in requirements():
        assert requirement.specifier.contains(importlib.metadata.version(requirement.name)), requirement


def test_conda_environment_is_the_same() -> None:
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    *conda, pip = environment["dependencies"]
    python = next(Requirement(line) for line in conda if line.startswith("python"))
    assert str(python.specifier) == PROJECT["requires-python"]
    assert {Requirement(line).name for line in conda} == {"python", "pip"}
    constraint, editable = pip["pip"]
    assert constraint == "--constraint constraints.txt"
    match = re.fullmatch(r"--editable \.\[(.*)\]", editable)
    assert match is not None
    assert set(match[1].split(",")) == set(EXTRAS)


def test_makefile_installs_all_extras_with_the_constraints() -> None:
    makefile = (ROOT / "Makefile").read_text()
    assert f"--constraint constraints.txt --editable '.[{','.join(EXTRAS)}]'" in makefile


def test_the_core_loads_nothing_that_is_not_always_needed() -> None:
    heavy = {
        "IPython", "PIL", "anywidget", "datasets", "ipywidgets", "matplotlib", "open_clip", "pandas", "plotly", "scipy",
        "sklearn", "sqlalchemy", "timm", "torchvision", "transformers", "typer",
    }  # fmt: skip
    # What torch itself loads, here or elsewhere, is not ours.
    code = "import sys, torch; before = set(sys.modules); import soupwidgets; print(*set(sys.modules) - before)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "soupwidgets.evaluation" in done.stdout
    assert heavy & {name.partition(".")[0] for name in done.stdout.split()} == set()


def test_explorers_load_statistics_and_networks_when_they_use_them() -> None:
    later = ("scipy.stats", "scipy.optimize", "scipy.signal", "scipy.cluster", "open_clip", "timm", "torchvision")
    code = (
        "import sys, soupwidgets.widgets; soupwidgets.widgets.all_explorers(); "
        f"print([name for name in {later} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_one_explorer_measures_without_the_others_and_without_open_clip(tmp_path: Path) -> None:
    """Each would cost the first picture of a notebook a second or more, and a hundred megabytes."""
    code = f"""
import sys
import torch
import soupwidgets as sw
ev = sw.Evaluator(sw.Pool.open(r"{ROOT / "data/zoo/fashion"}"), sw.Suite.open(r"{ROOT / "data/suites/fashion"}"))
explorer = sw.widgets.AlphaExplorer(ev, "ft-03", alphas=3)
assert ev.evaluate("ft-03", "rotate").exact
print([name for name in ("open_clip", "torchvision", "timm", "transformers", "pandas", "sympy", "triton",
                         "soupwidgets.topics.review", "soupwidgets.topics.spectrum.panel") if name in sys.modules])
"""
    alone = {**os.environ, "SOUPWIDGETS_STORE": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=alone)
    assert done.stdout.strip() == "[]", done.stderr


def test_versions_agree() -> None:
    import soupwidgets

    assert soupwidgets.__version__ == PROJECT["version"]
    assert f"## {PROJECT['version']}" in (ROOT / "CHANGELOG.md").read_text()
    assert f"soupwidgets-{PROJECT['version']}-" in (ROOT / "README.md").read_text()
    assert run("--version").stdout.strip() == f"soupwidgets {PROJECT['version']}"


def test_the_citation_is_of_this_version_and_these_authors() -> None:
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert {"cff-version", "message", "title", "authors"} <= set(cited), "what the format requires"
    assert cited["title"] == PROJECT["name"]
    assert str(cited["version"]) == PROJECT["version"]
    assert cited["license"] == PROJECT["license"]
    assert cited["authors"] == PROJECT["authors"]


def test_no_classifier_speaks_of_a_licence() -> None:
    """Beside a licence expression builders refuse those; and what is stated of Python is within the range."""
    classifiers = PROJECT["classifiers"]
    assert sorted(set(classifiers)) == classifiers
    assert not [line for line in classifiers if line.startswith("License ::")]
    versions = [line.rpartition(" ")[2] for line in classifiers if re.search(r"Python :: 3\.\d+$", line)]
    assert all(Requirement(f"python{PROJECT['requires-python']}").specifier.contains(one) for one in versions)
