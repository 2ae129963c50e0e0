"""Checkpoints' tensors in one block, exact to the last bit."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from soupwidgets import Pool
from soupwidgets.mixing import PoolMatrix
from soupwidgets.site import SiteError
from soupwidgets.site.weights import packed_weights, unpacked_weights
from tests.fixtures import WriteCheckpoint

HALVES = torch.tensor([1.0, -0.5, 2.0**-24, 65504.0, 0.1]).half()


def matrix_of(write: WriteCheckpoint, **checkpoints: dict[str, Tensor]) -> PoolMatrix:
    for name, tensors in checkpoints.items():
        path = write(name, tensors)
    return PoolMatrix(Pool.open(path.parent), torch.device("cpu"))


def test_each_tensor_is_as_small_as_exactness_allows(write_checkpoint: WriteCheckpoint) -> None:
    one = {"half": HALVES.float(), "single": torch.tensor([[0.1, 1.0]]), "same": torch.tensor([3.0, 4.0])}
    two = {**one, "half": HALVES.float().flip(0), "single": torch.tensor([[0.5, 1.0]])}
    matrix = matrix_of(write_checkpoint, one=one, two=two)
    block, entries = packed_weights(matrix, ["two", "one"], ["same", "half", "single"])
    told = {e["name"]: (e["dtype"], e["rows"], e["shape"], e["start"]) for e in entries}
    assert told == {
        "same": ("float16", 1, [2], 0),
        "half": ("float16", 2, [5], 4),
        "single": ("float32", 2, [1, 2], 24),
    }
    assert len(block) == 24 + 16
    for entry in entries:
        for row, given in zip(unpacked_weights(block, entry), [two, one], strict=False):
            assert row.equal(given[entry["name"]])


def test_bytes_of_one_weight_are_apart(write_checkpoint: WriteCheckpoint) -> None:
    """The page reads them so: 1.5 is 0x3e00 and -2 is 0xc000."""
    matrix = matrix_of(write_checkpoint, one={"w": torch.tensor([1.5, -2.0])})
    block, _ = packed_weights(matrix, ["one"], ["w"])
    assert block == bytes([0x00, 0x00, 0x3E, 0xC0])


def test_a_value_that_is_not_finite_is_refused(write_checkpoint: WriteCheckpoint) -> None:
    good, bad = {"w": torch.tensor([1.0])}, {"w": torch.tensor([float("nan")])}
    matrix = matrix_of(write_checkpoint, good=good, bad=bad)
    with pytest.warns(match="bad"), pytest.raises(SiteError, match="w of bad has values that are not finite"):
        packed_weights(matrix, ["good", "bad"], ["w"])
