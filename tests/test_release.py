"""What a release is made of says the same everywhere, and a source archive is enough to build from."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml

from tests.fixtures import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
# What is called otherwise in conda's world.
CONDA_NAMES = {"torch": "pytorch", "open_clip_torch": "open-clip-torch"}


def test_the_conda_recipe_needs_what_the_package_needs() -> None:
    recipe = yaml.safe_load((ROOT / "packaging" / "conda" / "meta.yaml").read_text())
    wanted = [re.fullmatch(r"([\w-]+)(>=.*)", one).groups() for one in PROJECT["dependencies"]]  # type: ignore[union-attr]
    expected = {f"{CONDA_NAMES.get(name, name)} {version}" for name, version in wanted}
    assert set(recipe["requirements"]["run"]) == expected | {f"python {PROJECT['requires-python']}"}
    assert recipe["package"] == {"name": PROJECT["name"], "version": PROJECT["version"]}
    assert recipe["build"]["entry_points"] == [f"{k} = {v}" for k, v in PROJECT["scripts"].items()]
    assert recipe["about"]["summary"] == PROJECT["description"]


def test_citation_has_the_version() -> None:
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text())["version"] == PROJECT["version"]


def test_a_public_host_runs_the_same_script() -> None:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())
    (job,) = workflow["jobs"].values()
    assert {"run": "bash .ci/run"} in job["steps"]
    assert workflow["permissions"] == {"contents": "read"}


@pytest.mark.slow
def test_a_wheel_can_be_built_from_the_source_archive(tmp_path: Path) -> None:
    """Slow: an archive and a wheel are built."""
    source = tmp_path / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    shutil.copytree(ROOT / "soupwidgets", source / "soupwidgets", ignore=shutil.ignore_patterns("__pycache__"))
    build = "import setuptools.build_meta as b; print(b.build_sdist('..'))"
    done = subprocess.run([sys.executable, "-c", build], cwd=source, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (archive,) = tmp_path.glob("soupwidgets-*.tar.gz")
    with tarfile.open(archive) as packed:
        packed.extractall(tmp_path / "unpacked", filter="data")
    (folder,) = (tmp_path / "unpacked").iterdir()
    build = "import setuptools.build_meta as b; print(b.build_wheel('..'))"
    done = subprocess.run([sys.executable, "-c", build], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (wheel,) = (tmp_path / "unpacked").glob("*.whl")
    with zipfile.ZipFile(wheel) as packed_wheel:
        names = {name for name in packed_wheel.namelist() if name.startswith("soupwidgets/")}
    files = [path for path in ROOT.joinpath("soupwidgets").rglob("*") if path.is_file()]
    assert names == {path.relative_to(ROOT).as_posix() for path in files if "__pycache__" not in path.parts}
