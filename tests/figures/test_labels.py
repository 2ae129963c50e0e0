from __future__ import annotations

import numpy as np
import pytest

from soupwidgets.figures.labels import label_offsets


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
