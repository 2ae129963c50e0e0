"""Controls that several panels have."""

from __future__ import annotations

from soupwidgets.panel.controls import Choice
from soupwidgets.panel.given import fine_tuned_models
from soupwidgets.pool import Pool
from soupwidgets.suites import Suite
from soupwidgets.translation import gettext as _


def choice_of_fine_tuned(explorer: str, pool: Pool, first: str | None) -> Choice:
    """A fine-tuned model, ``fine_tuned``; at first the pool's first when None.

    Raises
    ------
    PoolError
        When there is none, or not this one.
    """
    names = fine_tuned_models(explorer, pool)
    chosen = names[0] if first is None else first
    pool.require([chosen])
    options = list(dict.fromkeys([*names, chosen]))
    return Choice(name="fine_tuned", label=_("Fine-tuned"), value=chosen, options=options)


def choice_of_shift(suite: Suite) -> Choice:
    """A distribution shift or slice, ``shift``; None for the mean of all shifts. Not drawn where there are none."""
    mean = [(None, _("mean of all shifts") if suite.shifts else _("none"))]
    return Choice(
        name="shift",
        label=_("Shift"),
        options=[*mean, *((name, name) for name in suite.axes)],
        hidden=not suite.axes,
    )
