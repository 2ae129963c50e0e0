"""Breadcrumbs, DELLA and consensus merging: numbers worked out by hand, and what they are at their ends."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from soupwidgets import Pool, mixing, task_arithmetic
from soupwidgets.methods import breadcrumbs, consensus, dare, della, ties
from soupwidgets.methods.breadcrumbs import between
from soupwidgets.methods.della import keep_probabilities
from tests.fixtures import WriteCheckpoint
from tests.methods.merged import added, pool_of, random_moves


def test_breadcrumbs_by_hand(write_checkpoint: WriteCheckpoint, tmp_path: Path) -> None:
    # Of ten entries the largest goes, the next four stay, the five smallest go.
    a = torch.tensor([[10.0, -9.0, 8.0, 7.0, -6.0], [5.0, 4.0, -3.0, 2.0, 1.0]])
    b = a.flip(1)
    pool = pool_of(write_checkpoint, torch.ones(2, 5), a, b)
    path = breadcrumbs(pool, tmp_path / "m.safetensors", density=0.4, gamma=0.1, scale=2.0, progress=False)
    # Halves of both, times 2: their sum. In the second row both are small.
    assert added(pool, path).tolist() == [[-6.0, -2.0, 16.0, -2.0, -6.0], [0.0] * 5]


def test_breadcrumbs_masks_each_tensor_by_itself(write_checkpoint: WriteCheckpoint, tmp_path: Path) -> None:
    state = {"large": torch.zeros(4), "small": torch.zeros(4), "one": torch.zeros(()), "none": torch.zeros(0, 3)}
    write_checkpoint("zero-shot", {**state, "steps": torch.tensor(3)}, role="zero_shot")
    moved = {"large": torch.tensor([400.0, 300, 200, 100]), "small": torch.tensor([0.1, 0.2, 0.3, 0.4]),
             "one": torch.tensor(5.0), "none": torch.zeros(0, 3), "steps": torch.tensor(9)}  # fmt: skip
    pool = Pool.open(write_checkpoint("a", moved).parent)
    path = breadcrumbs(pool, tmp_path / "m.safetensors", density=0.5, gamma=0.25, progress=False)
    assert added(pool, path, "large").tolist() == [0, 300, 200, 0]
    torch.testing.assert_close(added(pool, path, "small"), torch.tensor([0, 0.2, 0.3, 0]))
    # A tensor of one number keeps it, and a counter is the zero-shot model's.
    assert added(pool, path, "one").item() == 5
    assert added(pool, path, "none").shape == (0, 3)
    assert added(pool, path, "steps").item() == 0


@pytest.mark.parametrize(("density", "gamma"), [(0.15, 0.006), (0.4, 0.1), (0.5, 0.5), (1, 0), (0.001, 0)])
def test_what_is_kept_is_what_a_sort_says(density: float, gamma: float) -> None:
    # Few distinct magnitudes, so that borders lie among equal ones.
    move = torch.randint(-6, 7, (37, 29), generator=torch.Generator().manual_seed(0)).float()
    keep, first = max(1, round(density * move.numel())), round(gamma * move.numel())
    order = move.abs().reshape(-1).argsort(descending=True, stable=True)
    expected = torch.zeros(move.numel(), dtype=torch.bool)
    expected[order[min(first, move.numel() - keep) :][:keep]] = True
    assert torch.equal(between(move, density, gamma), expected.view(37, 29))


def test_keeping_all_is_task_arithmetic(write_checkpoint: WriteCheckpoint, tmp_path: Path) -> None:
    pool = pool_of(write_checkpoint, *random_moves(4, 6, 5))
    sum_of_all = task_arithmetic(pool, scale=0.3)
    mixed = dict(mixing.mix_streamed(pool, sum_of_all))["w"] - dict(pool.checkpoints["zero-shot"].read())["w"]
    crumbs = breadcrumbs(pool, tmp_path / "crumbs.pt", density=1, gamma=0, scale=0.9, progress=False)
    kept = consensus(pool, tmp_path / "kept.pt", least=0, scale=0.3, progress=False)
    for path in (crumbs, kept):
        torch.testing.assert_close(added(pool, path), mixed, rtol=1e-5, atol=1e-6)


def test_magprune_by_hand(write_checkpoint: WriteCheckpoint, tmp_path: Path) -> None:
    move = torch.tensor([[3.0, -8.0, 0.0, 1.0, 2.0], [5.0, 4.0, 3.0, 2.0, 1.0]])
    expected = torch.tensor([[0.65, 0.75, 0.35, 0.45, 0.55], [0.75, 0.65, 0.55, 0.45, 0.35]])
    torch.testing.assert_close(keep_probabilities(move, drop=0.45, epsilon=0.2), expected)
    # One axis is one row; a convolution's row is an output; a single number is in the middle.
    torch.testing.assert_close(keep_probabilities(move[0], 0.45, 0.2), expected[0])
    torch.testing.assert_close(keep_probabilities(move.view(2, 1, 1, 5), 0.45, 0.2), expected.view(2, 1, 1, 5))
    torch.testing.assert_close(keep_probabilities(torch.tensor(4.0), 0.45, 0.2), torch.tensor(0.55))

    # 40,000 equal rows: each entry is kept as often as its probability says, and its mean stays what it was.
    rows = move[:1].repeat(40_000, 1)
    pool = pool_of(write_checkpoint, torch.zeros_like(rows), rows)
    found = added(pool, della(pool, tmp_path / "d.safetensors", drop=0.45, epsilon=0.2, progress=False))
    kept = (found != 0).float().mean(dim=0)
    # Five standard deviations of a share of 40,000: 5 sqrt(p (1 - p) / 40,000).
    margin = 5 * (expected[0] * (1 - expected[0]) / 40_000).sqrt()
    assert ((kept - expected[0]).abs() < margin)[[0, 1, 3, 4]].all()
    torch.testing.assert_close(found[found[:, 0] != 0, 0].unique(), torch.tensor([3.0 / 0.65]))
    spread = move[0].abs() * ((1 - expected[0]) / expected[0] / 40_000).sqrt()
    assert ((found.mean(dim=0) - move[0]).abs() <= 5 * spread + 1e-6).all()


def test_della_elects_signs_as_ties_does(write_checkpoint: WriteCheckpoint, tmp_path: Path) -> None:
    pool = pool_of(write_checkpoint, *random_moves(4, 30, 7))
    # Nothing is dropped: only the election is left, which is that of TIES with all entries.
    all_kept = della(pool, tmp_path / "d.safetensors", drop=0, epsilon=0, progress=False)
    torch.testing.assert_close(
        added(pool, all_kept), added(pool, ties(pool, tmp_path / "t.safetensors", density=1, progress=False))
    )
    # Without a window it drops as DARE does; of one model there is nothing to elect.
    one = della(pool, tmp_path / "o.safetensors", ["a"], drop=0.4, epsilon=0, seed=3, progress=False)
    assert 60 < int((added(pool, one) != 0).sum()) < 190
    values = added(pool, one)[added(pool, one) != 0]
    end, start = (dict(pool.checkpoints[name].read())["w"] for name in ("a", "zero-shot"))
    torch.testing.assert_close(values, ((end - start) / 0.6)[added(pool, one) != 0], rtol=1e-4, atol=1e-5)
    again, other = (
        added(pool, della(pool, tmp_path / f"{s}-{n}.safetensors", ["a"], drop=0.4, epsilon=0, seed=s, progress=False))
        for n, s in enumerate((3, 4))
    )
    assert torch.equal(again, added(pool, one))
    assert not torch.equal(other, again)


def test_consensus_by_hand(write_checkpoint: WriteCheckpoint, tmp_path: Path) -> None:
    # The entries: all agree; one alone; two of three; they cancel.
    a, b, c = (torch.tensor(row) for row in ([2.0, 9.0, 3.0, 4.0], [2.0, 0.0, 3.0, -4.0], [2.0, 0.0, 0.0, 0.0]))
    pool = pool_of(write_checkpoint, torch.zeros(4), a, b, c)
    # The mean is 2, 3, 2, 0. In the mask where |own| >= 1 * |mean - own|: a: 2>=0, 9>=6, 3>=1, 4>=4;
    # b: 2>=0, not 0>=3, 3>=1, 4>=4; c: 2>=0, not 0>=3, not 0>=2, and 0>=0. Counts: 3, 1, 2, 3.
    for least, expected in ((0, [2, 3, 2, 0]), (1, [2, 3, 2, 0]), (2, [2, 0, 2, 0]), (3, [2, 0, 0, 0])):
        path = consensus(pool, tmp_path / f"{least}.pt", least=least, threshold=1.0, progress=False)
        assert added(pool, path).tolist() == expected
    # With the sum, 6, 9, 6, 0, as the released code has it: a: not 2>=4, 9>=0, 3>=3, 4>=4; b: not 2>=4, not 0>=9,
    # 3>=3, 4>=4; c: not 2>=4, not 0>=9, not 0>=6, 0>=0.
    path = consensus(pool, tmp_path / "sum.pt", least=2, threshold=1.0, scale=1.0, progress=False)
    assert added(pool, path).tolist() == [0, 0, 6, 0]


def test_one_task_is_itself(write_checkpoint: WriteCheckpoint, tmp_path: Path) -> None:
    (move,) = random_moves(1, 5, 4)
    pool = pool_of(write_checkpoint, torch.zeros(5, 4), move)
    for path in (
        consensus(pool, tmp_path / "c.pt", least=1, scale=1.0, progress=False),
        breadcrumbs(pool, tmp_path / "b.pt", density=1, gamma=0, progress=False),
        della(pool, tmp_path / "d.pt", drop=0, epsilon=0, progress=False),
        dare(pool, tmp_path / "e.pt", drop=0, progress=False),
    ):
        torch.testing.assert_close(added(pool, path), move)


def test_what_cannot_be_done_is_said_before_a_file_is_there(write_checkpoint: WriteCheckpoint, tmp_path: Path) -> None:
    pool = pool_of(write_checkpoint, torch.zeros(3), *random_moves(2, 3))
    out = tmp_path / "x.pt"
    for call, why in (
        (lambda: breadcrumbs(pool, out, density=0), "density is 0 and gamma"),
        (lambda: breadcrumbs(pool, out, density=0.9, gamma=0.2), "together they may be 1 at most"),
        (lambda: della(pool, out, drop=0.9, epsilon=0.15), r"drop is 0\.9 and epsilon 0\.15"),
        (lambda: della(pool, out, drop=0.1, epsilon=0.15), "must lie between 0 and 1"),
        (lambda: consensus(pool, out, least=3), "least is 3; an entry can be in 0 to 2 masks"),
        (lambda: consensus(pool, out, threshold=-1), "must not lie below 0"),
        (lambda: consensus(pool, out, ["zero-shot"]), "no ingredient besides the zero-shot model"),
    ):
        with pytest.raises(ValueError, match=why):
            call()
    alone = Pool.open(write_checkpoint("only", {"w": torch.zeros(3)}).parent / "only.safetensors")
    with pytest.raises(ValueError, match="zero-shot"):
        breadcrumbs(alone, out, ["only"])
    assert not out.exists()
