"""What mergekit, which `make bench` installs beside us, makes of the same task vectors."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import torch

from soupwidgets.methods.breadcrumbs import between
from soupwidgets.methods.della import keep_probabilities
from soupwidgets.methods.merged_file import agreeing_mean
from tests.fixtures import ROOT
from tests.methods.merged import random_moves

MERGEKIT = ROOT / ".venv" / "mergekit" / "bin" / "python"

# Its dice are torch's own: they are replaced by numbers that both sides know.
SCRIPT = """
import sys, torch
from mergekit.merge_methods.generalized_task_arithmetic import get_mask
from mergekit.sparsify import SparsificationMethod as Method, sparsify
given = torch.load(sys.argv[1])
moves, thrown = given["moves"], given["thrown"]
made = {"crumbs": [sparsify(m, 0.5, Method.magnitude_outliers, gamma=0.1) for m in moves]}
made["pruned"], made["kept"] = [], []
for move, dice in zip(moves, thrown):
    torch.bernoulli = lambda p: made["kept"].append(p) or (dice < p).float()
    made["pruned"].append(sparsify(move, 0.6, Method.della_magprune, epsilon=0.2))
kept = torch.stack(made["crumbs"])
mask = get_mask(kept, method="sum")
made["elected"] = (kept * mask).sum(dim=0) / mask.sum(dim=0).clamp(min=1)
torch.save(made, sys.argv[2])
"""


@pytest.mark.skipif(not MERGEKIT.exists(), reason="mergekit is not installed: make .venv/mergekit/installed")
@pytest.mark.slow  # Another interpreter imports torch and mergekit.
def test_masks_probabilities_and_elected_signs_are_those_of_mergekit(tmp_path: Path) -> None:
    moves = random_moves(3, 20, 10)
    generator = torch.Generator().manual_seed(1)
    thrown = [torch.rand(20, 10, generator=generator) for _ in moves]
    torch.save({"moves": moves, "thrown": thrown}, tmp_path / "given.pt")
    words = [MERGEKIT, "-c", SCRIPT, tmp_path / "given.pt", tmp_path / "made.pt"]
    told = subprocess.run(words, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr
    made = torch.load(tmp_path / "made.pt")
    crumbs = [move * between(move, density=0.5, gamma=0.1) for move in moves]
    for own, other in zip(crumbs, made["crumbs"], strict=True):
        assert int((own != 0).sum()) == 100
        assert torch.equal(own, other)
    for move, dice, kept, pruned in zip(moves, thrown, made["kept"], made["pruned"], strict=True):
        keep = keep_probabilities(move, drop=0.4, epsilon=0.2)
        torch.testing.assert_close(keep, kept)
        # It rescales by the whole tensor where the paper rescales by each probability: that is left out here.
        assert torch.equal(torch.where(dice < keep, move, 0.0), pruned)
    torch.testing.assert_close(agreeing_mean(torch.stack(crumbs)), made["elected"])
