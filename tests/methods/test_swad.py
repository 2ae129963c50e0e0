from __future__ import annotations

import pytest

from soupwidgets import Evaluator, Recipe, swad
from soupwidgets.methods.trajectory import flat_part


@pytest.mark.parametrize(
    ("losses", "expected"),
    [
        # The window of 3 whose first is its lowest begins at the fourth; their mean 2.2 times 1.5 is 3.3. The last two
        # of the eighth and ninth are both above it, so the seventh is the last one in.
        ([9, 7, 5, 2, 2.4, 2.2, 3, 4, 5, 1], (3, 7)),
        # One high loss alone ends nothing.
        ([9, 7, 5, 2, 2.4, 2.2, 4, 3, 5, 3], (3, 10)),
        # It falls to the end: all is averaged.
        ([9, 8, 7, 6, 5], (0, 5)),
        # Losses of the window itself are in the limit, 1.5 times 19 / 3: 9 is below.
        ([1, 9, 9, 9, 9], (0, 5)),
        ([1, 1, 1, 9, 9], (0, 3)),
        ([4, 3], (0, 2)),
    ],
)
def test_the_flat_part_by_hand(losses: list[float], expected: tuple[int, int]) -> None:
    assert flat_part(losses, converged=3, patience=2, tolerance=1.5) == expected


def test_the_run_is_averaged_where_validation_loss_is_flat(
    small_evaluator: Evaluator, monkeypatch: pytest.MonkeyPatch
) -> None:
    ev, run = small_evaluator, ["zero-shot", "ft-03", "ft-05", "ft-00", "bad-lr", "other-seed"]
    losses = [ev.evaluate(name, "val").loss["val"] for name in run]
    assert losses[0] > losses[1] < losses[2]
    asked = []
    evaluate = ev.evaluate
    monkeypatch.setattr(ev, "evaluate", lambda r, splits=None: asked.append(splits) or evaluate(r, splits))
    made = swad(ev, run, converged=2, patience=1, tolerance=1.3)
    assert set(asked) == {"val"}
    start, end = flat_part(losses, 2, 1, 1.3)
    assert (start, end) == (1, 4)
    assert made == Recipe(dict.fromkeys(run[start:end], 1 / (end - start)))


def test_numbers_out_of_range_are_refused(tiny_evaluator: Evaluator) -> None:
    for options in ({"converged": 0}, {"patience": 0}, {"tolerance": 0}):
        with pytest.raises(ValueError, match="must be at least 1, and the tolerance above 0"):
            swad(tiny_evaluator, **options)  # type: ignore[arg-type]
