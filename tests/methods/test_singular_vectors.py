"""TSV-M, Iso-C and MonoSoup: matrices whose singular vectors are known, and SciPy's polar decomposition."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import scipy.linalg
import torch

from soupwidgets import Pool
from soupwidgets.methods import iso_c, monosoup, tsv_merge
from soupwidgets.methods.singular_vectors import effective_rank, isotropic, orthogonal_sum, reweighted
from tests.fixtures import WriteCheckpoint
from tests.methods.merged import added, pool_of, random_moves


def test_orthogonal_tasks_are_added_up() -> None:
    # Each has rank 2 of 4, in directions of its own: nothing is cut off, and nothing is in the other's way.
    a = torch.diag(torch.tensor([5.0, 3.0, 0.0, 0.0]))
    b = torch.diag(torch.tensor([0.0, 0.0, 7.0, -2.0]))
    torch.testing.assert_close(orthogonal_sum(torch.stack([a, b])), a + b)
    # What goes beyond half of the directions is cut off.
    c = torch.diag(torch.tensor([0.0, 1.0, 7.0, -2.0]))
    torch.testing.assert_close(orthogonal_sum(torch.stack([a, c])), a + b)


def test_tasks_in_the_same_direction_are_turned_apart() -> None:
    # Both have rank 1 and the same right vector; the left ones are 60 degrees apart.
    u, v, w = torch.tensor([1.0, 0.0]), torch.tensor([0.5, math.sqrt(3) / 2]), torch.tensor([0.0, 1.0])
    found = orthogonal_sum(torch.stack([2 * torch.outer(u, w), 3 * torch.outer(v, w)]))
    # The nearest orthonormal pair lies 15 degrees outside on either side. The right vectors are twice the same, and
    # their polar factor is (w w) / sqrt(2).
    degrees = torch.deg2rad(torch.tensor([-15.0, 75.0]))
    p = torch.stack([degrees.cos(), degrees.sin()])
    left = p @ torch.tensor([2.0, 3.0]) / math.sqrt(2)
    torch.testing.assert_close(found @ w, left, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("shape", [(6, 4), (4, 6), (3, 3)])
def test_tsv_merge_is_that_of_scipy(shape: tuple[int, int], write_checkpoint: WriteCheckpoint, tmp_path: Path) -> None:
    moves = random_moves(5, *shape)
    pool = pool_of(write_checkpoint, torch.ones(shape), *moves)
    path = tsv_merge(pool, tmp_path / "t.safetensors", scale=0.7, progress=False)
    kept = max(1, min(shape) // 5)
    lefts, values, rights = [], [], []
    for move in moves:
        left, value, right = scipy.linalg.svd(move.double().numpy(), full_matrices=False)
        lefts.append(left[:, :kept])
        values.extend(value[:kept])
        rights.append(right[:kept])
    p, q = np.concatenate(lefts, axis=1), np.concatenate(rights)
    polar = scipy.linalg.polar
    expected = 0.7 * polar(p)[0] @ np.diag(values) @ polar(q)[0]
    np.testing.assert_allclose(added(pool, path).numpy(), expected, rtol=1e-4, atol=1e-5)


def test_one_task_is_itself_and_other_shapes_are_averaged(write_checkpoint: WriteCheckpoint, tmp_path: Path) -> None:
    (move,) = random_moves(1, 5, 3)
    torch.testing.assert_close(orthogonal_sum(move[None]), move)
    state = {"vector": torch.zeros(3), "kernel": torch.zeros(2, 2, 1, 1), "one": torch.zeros(())}
    write_checkpoint("zero-shot", {**state, "none": torch.zeros(0, 4)}, role="zero_shot")
    for name, value in (("a", 1.0), ("b", 4.0)):
        moved = {**{key: tensor + value for key, tensor in state.items()}, "none": torch.zeros(0, 4)}
        folder = write_checkpoint(name, moved).parent
    pool = Pool.open(folder)
    for merge in (tsv_merge, iso_c):
        path = merge(pool, tmp_path / f"{merge.__name__}.safetensors", progress=False)
        for tensor in state:
            assert added(pool, path, tensor).unique().tolist() == [2.5]


def test_isotropic_sum(write_checkpoint: WriteCheckpoint, tmp_path: Path) -> None:
    # The sum is diag(4, -2): singular values 4 and 2, mean 3.
    a, b = torch.tensor([[1.0, 2.0], [0.0, -2.0]]), torch.tensor([[3.0, -2.0], [0.0, 0.0]])
    pool = pool_of(write_checkpoint, torch.zeros(2, 2), a, b)
    whole = iso_c(pool, tmp_path / "i.safetensors", scale=1.0, progress=False)
    torch.testing.assert_close(added(pool, whole), torch.tensor([[3.0, 0.0], [0.0, -3.0]]))
    half = iso_c(pool, tmp_path / "h.safetensors", progress=False)
    torch.testing.assert_close(added(pool, half), torch.tensor([[1.5, 0.0], [0.0, -1.5]]))
    # All singular values are the mean; the directions are those of the polar factor.
    (move,) = random_moves(1, 4, 7)
    values = torch.linalg.svdvals(move)
    torch.testing.assert_close(torch.linalg.svdvals(isotropic(move)), values.mean().expand(4))
    polar = torch.from_numpy(scipy.linalg.polar(move.double().numpy())[0]).float()
    torch.testing.assert_close(isotropic(move), values.mean() * polar, rtol=1e-4, atol=1e-5)


def test_monosoup_by_hand(write_checkpoint: WriteCheckpoint, tmp_path: Path) -> None:
    # Shares 8/11, 2/11, 1/11: entropy 0.7595, effective rank 2.137, so k is 3 and nothing is weak.
    assert effective_rank(torch.tensor([8.0, 2.0, 1.0])) == 3
    torch.testing.assert_close(reweighted(torch.diag(torch.tensor([8.0, 2.0, 1.0]))),
                               torch.diag(torch.tensor([8.0, 2.0, 1.0])))  # fmt: skip
    # Shares 20/22, 1/22, 1/22: entropy 0.3677, effective rank 1.444, so k is 2.
    move = torch.diag(torch.tensor([20.0, 1.0, 1.0]))
    # P = 401 / 402, rho = 1 / 400; w = 1/400 + 399/400 sqrt(1/402) = 0.052250.
    weak = 1 / 400 + 399 / 400 * math.sqrt(1 / 402)
    assert weak == pytest.approx(0.05225, abs=1e-5)
    expected = torch.diag(torch.tensor([20 * (1 - weak), 1 - weak, weak]))
    found = reweighted(move)
    # Of two equal singular values either may be the weak one.
    torch.testing.assert_close(torch.linalg.svdvals(found), torch.linalg.svdvals(expected))
    torch.testing.assert_close(reweighted(torch.zeros(2, 3)), torch.zeros(2, 3))

    kernel = torch.zeros(3, 1, 1, 3)
    kernel[torch.arange(3), 0, 0, torch.arange(3)] = torch.tensor([20.0, 1.0, 0.5])
    pool = pool_of(write_checkpoint, torch.zeros(3, 1, 1, 3), kernel)
    path = monosoup(pool, tmp_path / "m.safetensors", progress=False)
    torch.testing.assert_close(added(pool, path), reweighted(kernel.view(3, 3)).view(3, 1, 1, 3))


def test_a_task_vector_that_is_not_finite_is_named(write_checkpoint: WriteCheckpoint, tmp_path: Path) -> None:
    (fine,) = random_moves(1, 3, 3)
    pool = pool_of(write_checkpoint, torch.zeros(3, 3), fine, fine * math.nan)
    for merge in (tsv_merge, iso_c, monosoup):
        with pytest.raises(ValueError, match=r"'b' has values that are not finite, in w.*Leave it out"):
            merge(pool, tmp_path / "x.safetensors", progress=False)
    assert not (tmp_path / "x.safetensors").exists()
