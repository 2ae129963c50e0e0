from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from soupwidgets import Evaluator, Pool, Recipe, Store, Suite, wise_ft
from soupwidgets.evaluation import screen
from soupwidgets.evaluation.forward import Forward
from soupwidgets.evaluation.passes import Passes, joined
from soupwidgets.evaluation.precision import Precision
from soupwidgets.pool import SoupWarning


class Small(nn.Module):
    """Has memory for so many examples."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most, self.sizes = most, list[int]()

    def forward(self, inputs: Tensor | dict[str, Tensor]) -> Tensor:
        tensor = inputs if isinstance(inputs, Tensor) else inputs["input_ids"]
        self.sizes.append(len(tensor))
        if len(tensor) > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return 2 * tensor

    def piece(self, inputs: Tensor | dict[str, Tensor], part: slice) -> Tensor:
        """The same, for some examples of a batch of which they know the place."""
        found: Tensor = self(inputs)
        assert torch.equal(found, 2 * torch.arange(100.0)[part]) or torch.equal(found, torch.full((len(found),), 2.0))
        return found


@pytest.mark.parametrize("named", [False, True])
def test_a_batch_that_does_not_fit_is_halved_and_it_is_said_once(named: bool) -> None:
    passes, network, numbers = Passes(), Small(30), torch.arange(100.0)
    inputs: Tensor | dict[str, Tensor] = {"input_ids": numbers} if named else numbers
    with pytest.warns(SoupWarning) as said:
        assert torch.equal(passes(network.piece, inputs), 2 * numbers)
    assert [str(one.message).split(" does")[0] for one in said] == ["a batch of 100 examples", "a batch of 50 examples"]
    network.sizes.clear()
    assert torch.equal(passes(network.piece, inputs), 2 * numbers)
    assert network.sizes == [25] * 4


def test_what_fits_is_one_pass() -> None:
    network = Small(30)
    assert torch.equal(Passes()(network.piece, torch.ones(30)), torch.full((30,), 2.0))
    assert network.sizes == [30]


def test_no_memory_for_a_single_example_is_an_error() -> None:
    with pytest.raises(torch.OutOfMemoryError), pytest.warns(SoupWarning):
        Passes()(Small(0).piece, torch.ones(4))


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_measurement_goes_on_with_smaller_batches(
    precision: Precision, tiny_pool: Pool, small_suite: Suite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of an evaluator whose device has memory for 100 examples: a pass, its audit, a screening."""
    recipe, splits = wise_ft(tiny_pool, "ft-a", 0.4), ["val", "noise"]
    whole = Evaluator(tiny_pool, small_suite, device="cpu", store=Store(tmp_path / "whole"), precision=precision)
    expected = whole.evaluate(recipe, splits)
    sizes, forward = list[int](), Forward.__call__

    def short(self: Forward, inputs: Tensor) -> Tensor:
        if len(inputs) > 100:
            raise torch.OutOfMemoryError("CUDA out of memory")
        sizes.append(len(inputs))
        return forward(self, inputs)

    monkeypatch.setattr(Forward, "__call__", short)
    ev = Evaluator(tiny_pool, small_suite, device="cpu", store=Store(tmp_path / "short"), precision=precision)
    with pytest.warns(SoupWarning, match="does not fit into the device's memory; from now on") as said:
        found = ev.evaluate(recipe, splits)
    assert {name: score.correct for name, score in found.scores.items()} == {
        name: score.correct for name, score in expected.scores.items()
    }
    # Halved until it fits, which is said each time and remembered.
    assert len(said) <= 3
    assert max(sizes) <= 100
    split, before = small_suite.validation, len(sizes)
    needed = screen(ev, Recipe({"ft-b": 1}), split, np.arange(len(split)), 0)
    assert needed.correct == whole.in_float32().evaluate("ft-b", "val")["val"].correct
    assert len(sizes) > before + 2


def test_batches_of_one_shape_become_one() -> None:
    grey = [torch.rand(n, 1, 4, 4).expand(n, 3, 4, 4) for n in (2, 3)]
    whole = joined(grey)
    assert whole is not None
    assert whole.shape == (5, 3, 4, 4)
    assert whole.stride(1) == 0
    assert torch.equal(whole, torch.cat(grey))
    assert joined(grey[:1]) is None
    assert joined([torch.rand(2, 3), torch.rand(2, 4)]) is None
    assert joined([torch.rand(2, 3), {"input_ids": torch.ones(2, 3)}]) is None
    assert joined([grey[0], torch.rand(2, 3, 4, 4)]) is None
