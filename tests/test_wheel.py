"""The wheel: what is in it, and that it is enough without a checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.fixtures import ROOT
from tests.test_documents import FIVE_LINES


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy: a build leaves things behind where it is done, and takes in what an earlier one left."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    shutil.copytree(ROOT / "soupwidgets", source / "soupwidgets", ignore=shutil.ignore_patterns("__pycache__"))
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    build = [*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(target), str(source)]
    done = subprocess.run(build, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = target.glob("soupwidgets-*.whl")
    return built


@pytest.mark.slow
def test_everything_but_rubbish_is_in_it(wheel: Path) -> None:
    """Slow: a wheel is built."""
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if name.startswith("soupwidgets/")}
        licences = [name for name in archive.namelist() if "/licenses/" in name]
    files = [path for path in ROOT.joinpath("soupwidgets").rglob("*") if path.is_file()]
    assert packed == {path.relative_to(ROOT).as_posix() for path in files if "__pycache__" not in path.parts}
    assert sorted(name.rpartition("/")[2] for name in licences) == [
        "LICENCE.txt", "LICENSE", "LICENSE-fzstd.txt", "LICENSE-onnxruntime.txt", "ThirdPartyNotices-onnxruntime.txt",
    ]  # fmt: skip
    # Engine 5.3 MB, models and images 5.3, code 1.1 and growing. A second copy of an engine or of a suite is seen.
    assert wheel.stat().st_size < 12.5e6


@pytest.mark.slow
def test_the_readmes_five_lines_run_with_the_wheel_alone(wheel: Path, tmp_path: Path) -> None:
    """Slow: a wheel is built, and a process of its own loads torch."""
    site, empty = tmp_path / "site", tmp_path / "empty"
    empty.mkdir()
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    code = f"{FIVE_LINES}\nprint(sw.__file__)\n"
    environment = {**os.environ, "PYTHONPATH": str(site), "SOUPWIDGETS_STORE": str(tmp_path / "store")}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=empty, env=environment)
    assert done.returncode == 0, done.stderr
    accuracy, place = done.stdout.splitlines()
    assert "'test': 0.839" in accuracy
    assert Path(place).is_relative_to(site)
    assert list(empty.iterdir()) == []
    command = [sys.executable, "-m", "soupwidgets", "demo"]
    said = subprocess.run(command, capture_output=True, text=True, cwd=empty, env=environment)
    assert str(site / "soupwidgets" / "miniature" / "zoo") in said.stdout
