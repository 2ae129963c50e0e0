"""How threads wait is settled before torch is loaded, unless somebody has settled it already."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys

import pytest

import soupwidgets.waiting

SETTINGS = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")


@pytest.mark.skipif(sys.platform != "linux", reason="GNU's OpenMP, which says how long threads spin, is on Linux")
def test_threads_wait_passively_in_torchs_own_openmp() -> None:
    environment = {name: value for name, value in os.environ.items() if name not in SETTINGS}
    # The runtime that comes with torch says at its start what it was told.
    done = subprocess.run(
        [sys.executable, "-c", "import soupwidgets"],
        env={**environment, "OMP_DISPLAY_ENV": "verbose"}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "GOMP_SPINCOUNT = '5000'" in done.stderr


@pytest.mark.parametrize("name", SETTINGS)
def test_a_choice_of_ones_own_is_kept(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for setting in SETTINGS:
        monkeypatch.delenv(setting, raising=False)
    runpy.run_path(soupwidgets.waiting.__file__)
    assert os.environ["OMP_WAIT_POLICY"] == "passive"
    for setting in SETTINGS:
        monkeypatch.delenv(setting, raising=False)
    monkeypatch.setenv(name, "active")
    runpy.run_path(soupwidgets.waiting.__file__)
    assert {setting: os.environ.get(setting) for setting in SETTINGS} == {
        setting: "active" if setting == name else None for setting in SETTINGS
    }


def test_the_tests_wait_passively_themselves() -> None:
    assert any(setting in os.environ for setting in SETTINGS)
