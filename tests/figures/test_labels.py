from __future__ import annotations

import numpy as np
import pytest

from soupwidgets.figures.labels import label_offsets, label_positions


@pytest.mark.parametrize("size", [(300, 260), (420, 400), (800, 500)])
def test_names_lie_over_no_other_name(size: tuple[int, int]) -> None:
    """Sixteen of them, some of points that lie over each other, at several sizes of the figure."""
    rng = np.random.default_rng(0)
    points = np.concatenate([rng.uniform(0.1, 0.9, (12, 2)), [[0.8, 0.2], [0.81, 0.21], [0.79, 0.17], [0.82, 0.18]]])
    names = [f"name {i} 0.25"[: 4 + i % 9] for i in range(16)]
    offsets = label_offsets(points[:, 0].tolist(), points[:, 1].tolist(), names)
    middles = points * size + offsets
    for i in range(16):
        for j in range(i):
            apart, room = abs(middles[i] - middles[j]), 6.0 * (len(names[i]) + len(names[j])) / 2
            assert apart[0] >= room or apart[1] >= 12


def test_one_name_and_none() -> None:
    assert label_offsets([], [], []) == []
    ((across, up),) = label_offsets([0.5], [0.5], ["alone"])
    assert abs(across) + abs(up) < 60


@pytest.mark.parametrize("size", [(310, 250), (440, 380), (700, 480)])
@pytest.mark.parametrize("apart", [0.0, 0.01, 0.02, 0.03, 0.05, 0.08])
def test_names_of_points_that_nearly_coincide_lie_beside_each_other(apart: float, size: tuple[int, int]) -> None:
    """Where plotly writes them: as far from the middle of a mark of 9 pixels as its corner is, and a letter 6 wide."""
    names = ["ensemble", "this soup"]
    for x in (0.02, 0.3, 0.5, 0.85, 0.98):
        for turn in range(8):
            other = x + apart * np.cos(turn * np.pi / 4), 0.5 + apart * np.sin(turn * np.pi / 4)
            points = np.array([other, (x, 0.5)]) * size
            found = label_positions([other[0], x], [other[1], 0.5], names, ((0, 1), (0, 1)))
            ways = [(1 if "right" in where else -1, 1 if "top" in where else -1) for where in found]
            half = [3.0 * len(name) for name in names]
            middles = points + [(a * (7 + h), b * 12) for (a, b), h in zip(ways, half, strict=True)]
            between = abs(middles[0] - middles[1])
            assert between[0] >= sum(half) or between[1] >= 11, (x, turn, found)
