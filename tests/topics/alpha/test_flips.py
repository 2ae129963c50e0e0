from __future__ import annotations

import numpy as np
import pytest

from soupwidgets import Recipe
from soupwidgets.evaluation import Evaluation, SplitScore
from soupwidgets.topics.alpha.flips import find_flips
from soupwidgets.topics.frontier.point import point as frontier_point


def test_frontier_point_by_hand() -> None:
    evaluation = Evaluation(
        Recipe({"a": 1}),
        {
            "test": SplitScore("id_test", 10, 10, 9, 0),
            "fog": SplitScore("shift", 10, 10, 4, 0),
            "snow": SplitScore("shift", 10, 10, 6, 0),
        },
    )
    mean = frontier_point(evaluation)
    assert (mean.id, mean.ood) == (0.9, 0.5)
    assert mean.id_interval == evaluation.interval["test"]
    fog = frontier_point(evaluation, "fog")
    assert fog.ood == 0.4
    assert fog.ood_interval == evaluation.interval["fog"]
    with pytest.raises(KeyError, match="rain"):
        frontier_point(evaluation, "rain")


def test_flips_by_hand() -> None:
    before = np.array([[3, 1, 0], [0, 2, 0], [0, 0, 1], [1, 0, 0]], dtype=np.float32)
    after = np.array([[1, 2, 0], [3, 2, 0], [0, 1, 0], [2, 0, 0]], dtype=np.float32)
    flips = find_flips(before, after, np.array([1, 1, 0, 0]))
    assert [(f.index, f.before, f.after) for f in flips] == [(2, 2, 1), (0, 0, 1), (1, 1, 0)]
    # Straight lines: 2 - 3t = 0 at t = 2/3 for the first image and for the second, 1 - 2t = 0 for the third.
    assert [f.crossing for f in flips] == pytest.approx([1 / 2, 2 / 3, 2 / 3])
    by_index = {f.index: f for f in flips}
    assert by_index[0].fixed
    assert not by_index[0].broken
    assert by_index[1].broken
    assert not by_index[1].fixed
    assert not by_index[2].fixed
    assert not by_index[2].broken


def test_flips_refuse_what_does_not_belong_together() -> None:
    with pytest.raises(ValueError, match="do not belong together"):
        find_flips(np.zeros((3, 2), np.float32), np.zeros((2, 2), np.float32), np.zeros(3, np.int64))
