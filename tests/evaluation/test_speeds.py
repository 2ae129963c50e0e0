from __future__ import annotations

import time
from pathlib import Path

import msgspec
import pytest
import torch

from soupwidgets.evaluation.speeds import Speeds, Way, _enough, speeds

PLAIN, FUSED, HALF = Way("float32", False), Way("float32", True), Way("bfloat16", False)


@pytest.fixture(autouse=True)
def _empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOUPWIDGETS_CACHE", str(tmp_path))


def test_the_fastest_way_is_found_once_and_remembered() -> None:
    passes: list[Way] = []

    def work(way: Way, seconds: float) -> None:
        passes.append(way)
        time.sleep(seconds)

    ways = {
        PLAIN: lambda n: work(PLAIN, 0.002 * n),
        FUSED: lambda n: work(FUSED, 0.001 * n),
        HALF: lambda n: work(HALF, 0.0015 * n),
    }
    found = speeds("a network", ways, 32)
    assert found.fastest("float32") == FUSED
    assert found.fastest("bfloat16") == HALF
    assert found.seconds("float32") < found.seconds("bfloat16")
    assert found.seconds("float16") == float("inf")
    assert found.fastest("float16") is None
    passes.clear()
    assert speeds("a network", ways, 32) == found
    assert not passes
    speeds("another network", ways, 32)
    assert passes


def test_ways_that_do_not_work_are_left_out_and_slow_ones_are_tried_on_few() -> None:
    most: list[int] = []

    def fails(number: int) -> None:
        raise RuntimeError("not implemented for 'BFloat16'")

    def slow(number: int) -> None:
        most.append(number)
        time.sleep(0.02 * number)

    found = speeds("one", {PLAIN: lambda n: time.sleep(1e-4 * n), FUSED: fails, HALF: slow}, 64)
    assert [way for way, _ in found.measured] == [PLAIN, HALF]
    assert found.seconds("bfloat16") >= 0.02
    assert max(most) == 8
    with pytest.raises(RuntimeError, match="not implemented"):
        speeds("two", {PLAIN: fails}, 64)


def test_a_pass_is_long_enough_however_long_a_few_take(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("soupwidgets.evaluation.speeds._seconds", lambda run, number: run(number))
    tried: list[int] = []

    def on_a_card(number: int) -> float:
        tried.append(number)
        return max(0.005, 1e-5 * number)

    # 5 ms whatever is asked for, up to 500 examples: 0.03 s would be 48, 288, 1,728 of them.
    assert _enough(on_a_card, 8, 2048) == 1728
    assert sorted(set(tried)) == [8, 48, 288, 1728]
    assert _enough(on_a_card, 8, 100) == 100
    # As many as were estimated from a few, where each takes its time.
    assert _enough(lambda number: 0.002 * number, 8, 2048) == 15
    assert _enough(lambda number: 0.01 * number, 8, 2048) == 8

    def short_of_memory(number: int) -> float:
        if number > 100:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return 0.005

    assert _enough(short_of_memory, 8, 2048) == 48


def test_what_was_measured_on_a_cpu_keeps_its_place() -> None:
    """Ways of cards are new words only where they are used: what is remembered under these is found again."""
    assert msgspec.to_builtins(FUSED) == {"precision": "float32", "fused": True}
    assert msgspec.json.decode(b'{"precision": "float32", "fused": true}', type=Way) == FUSED
    recorded = Way("bfloat16", False, recorded=True)
    assert Speeds([(HALF, 2.0), (recorded, 1.0), (FUSED, 0.5)]).fastest("bfloat16") == recorded


def test_a_damaged_memory_is_measured_again(tmp_path: Path) -> None:
    ways = {PLAIN: lambda n: time.sleep(1e-4 * n)}
    first = speeds("one", ways, 16)
    (file,) = (tmp_path / "speeds").iterdir()
    file.write_text("{")
    again = speeds("one", ways, 16)
    assert isinstance(again, Speeds)
    assert again.fastest("float32") == first.fastest("float32")
