from __future__ import annotations

import pytest

from soupwidgets.panel import measured
from soupwidgets.panel.measured import spaced


def test_pictures_get_half_as_much_time_as_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(measured.time, "monotonic", lambda: now[0])

    def batches() -> object:
        for number in range(10):
            now[0] += 1  # a batch takes a second
            yield number

    shown = []
    for one in spaced(batches(), lambda number: number == 9):  # type: ignore[arg-type, var-annotated]
        if one is not None:
            now[0] += 2  # a picture takes two
            shown.append(one)
    # Four seconds of batches after each picture; the first and the exact one come in any case.
    assert shown == [0, 4, 8, 9]
