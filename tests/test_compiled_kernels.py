"""The limits are settled before torch is loaded, unless somebody has settled them already."""

from __future__ import annotations

import os
import runpy

import pytest

import soupwidgets.compiled_kernels

LIMITS = ("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "LRU_CACHE_CAPACITY")


def test_a_limit_of_ones_own_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(LIMITS[0], raising=False)
    monkeypatch.setenv(LIMITS[1], "1024")
    runpy.run_path(soupwidgets.compiled_kernels.__file__)
    assert [os.environ[limit] for limit in LIMITS] == ["128", "1024"]


def test_the_tests_have_them() -> None:
    assert all(limit in os.environ for limit in LIMITS)
