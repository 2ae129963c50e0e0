from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

import soupwidgets as sw
from soupwidgets import Evaluator, Pool, Recipe, Store, Suite
from soupwidgets.mixing import PoolMatrix, matrix, memory
from soupwidgets.mixing.memory import room_for_weights
from soupwidgets.pool import SoupWarning

CPU = torch.device("cpu")


@pytest.fixture(params=[torch.float32, torch.float16])
def six(tmp_path: Path, request: pytest.FixtureRequest) -> Pool:
    generator = torch.Generator().manual_seed(0)
    for name in "abcdef":
        tensors = {
            "w": torch.randn(3, 50, generator=generator).to(request.param),
            "b": torch.randn(16, generator=generator).to(request.param),
            "steps": torch.tensor(ord(name)),
        }
        save_file(tensors, tmp_path / f"{name}.safetensors")
    return Pool.open(tmp_path)


def numbers(matrix: PoolMatrix, flat: torch.Tensor) -> torch.Tensor:
    """Without the padding between tensors."""
    return torch.cat([place.view(flat).flatten() for place in matrix.layout.places.values()])


def narrow(pool: Pool, rows: int) -> PoolMatrix:
    full = PoolMatrix(pool, CPU)
    with pytest.warns(SoupWarning, match=f"6 checkpoints take .* there is room for {rows}"):
        return PoolMatrix(pool, CPU, room=(rows + 0.5) * full.held_bytes / 6)


@pytest.mark.parametrize("rows", [1, 2, 5])
def test_a_pool_larger_than_memory_is_mixed_to_the_same_last_bit(six: Pool, rows: int) -> None:
    full, small = PoolMatrix(six, CPU), narrow(six, rows)
    assert small.held_bytes * 6 == full.held_bytes * rows
    recipes = [
        Recipe({"a": 0.25, "b": 0.75}), Recipe({"c": 1.0}), Recipe(dict.fromkeys("abcdef", 1 / 6)),
        Recipe({"a": 1.5, "e": -0.5}), Recipe({"d": 0.5, "f": 0.5}, {"b": {"a": 1.0}}),
    ]  # fmt: skip
    for recipe in recipes:
        one, other = full.new_buffer(), small.new_buffer()
        full.mix(recipe, one)
        small.mix(recipe, other)
        assert torch.equal(numbers(full, one), numbers(small, other)), recipe
        assert small.whole_tensors(recipe)["steps"] == full.whole_tensors(recipe)["steps"]
    many, others = full.new_buffer(2), small.new_buffer(2)
    full.mix_many(recipes[:2], many)
    small.mix_many(recipes[:2], others)
    for one, other in zip(many, others, strict=True):
        torch.testing.assert_close(numbers(full, one), numbers(small, other))


def test_rows_that_were_used_longest_ago_make_room(six: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    small = narrow(six, 3)
    read: list[str] = []
    real = PoolMatrix._read
    monkeypatch.setattr(PoolMatrix, "_read", lambda self, name, row: (read.append(name), real(self, name, row))[1])
    out = small.new_buffer()
    for names in ("ab", "ac", "bc", "ad", "ac", "bd"):
        small.mix(Recipe(dict.fromkeys(names, 0.5)), out)
    # b was used before c, so d takes its place; then c's, which was used before a.
    assert read == ["a", "b", "c", "d", "b"]


def test_a_row_that_was_given_out_keeps_its_values(six: Pool) -> None:
    small = narrow(six, 1)
    given = [small.row(name) for name in "abc"]
    for name, row in zip("abc", given, strict=True):
        assert torch.equal(numbers(small, row), numbers(small, PoolMatrix(six, CPU).row(name)))


def test_a_file_that_cannot_be_read_leaves_no_row_behind(six: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    small = narrow(six, 1)
    out = small.new_buffer()
    small.mix(Recipe({"a": 1.0}), out)
    before, real = numbers(small, out), PoolMatrix._read

    def broken(self: PoolMatrix, name: str, row: torch.Tensor) -> None:
        row.fill_(7.0)
        raise OSError("gone")

    monkeypatch.setattr(PoolMatrix, "_read", broken)
    with pytest.raises(OSError, match="gone"):
        small.mix(Recipe({"b": 1.0}), out)
    monkeypatch.setattr(PoolMatrix, "_read", real)
    small.mix(Recipe({"a": 1.0}), out)
    assert torch.equal(numbers(small, out), before)


def test_measurements_do_not_depend_on_the_room(
    tiny_pool: Pool, tiny_evaluator: Evaluator, small_suite: Suite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    each = tiny_evaluator.matrix.held_bytes / 3
    monkeypatch.setattr(matrix, "room_for_weights", lambda _device: 1.5 * each)
    small = Evaluator(tiny_pool, small_suite, device="cpu", store=Store(tmp_path / "other"))
    with pytest.warns(SoupWarning, match="there is room for 1"):
        assert small.matrix.held_bytes == each
    for recipe in (sw.uniform_soup(tiny_pool), Recipe({"ft-a": 1.0}), sw.wise_ft(tiny_pool, "ft-b", 0.3)):
        found = small.evaluate(recipe, "val")
        true = tiny_evaluator.evaluate(recipe, "val")
        np.testing.assert_array_equal(found.split_logits("val"), true.split_logits("val"))


def test_room_is_what_the_machine_and_its_container_leave(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal: 2000000 kB\nMemAvailable: 1000000 kB\n")
    monkeypatch.setattr(memory, "_MEMINFO", meminfo)
    monkeypatch.setattr(memory, "_CGROUP", tmp_path)
    assert room_for_weights(CPU) == pytest.approx(0.6 * 1_024_000_000)
    for name, text in (
        ("memory.max", "500000"),
        ("memory.current", "300000"),
        ("memory.stat", "anon 1\ninactive_file 100000\n"),
    ):
        (tmp_path / name).write_text(text)
    assert room_for_weights(CPU) == pytest.approx(0.6 * 300_000)
    (tmp_path / "memory.max").write_text("max\n")
    assert room_for_weights(CPU) == pytest.approx(0.6 * 1_024_000_000)
