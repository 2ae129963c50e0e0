"""``soupwidgets demo``: where the models and images lie that are installed along."""

from __future__ import annotations

import shlex

from soupwidgets.commands.options import show


def demo() -> None:
    """Say where the models and images lie that are installed along, and which command to try on them."""
    from soupwidgets.miniature import SUITE_FOLDER, ZOO_FOLDER
    from soupwidgets.miniature import demo as opened

    pool, suite = opened()
    show(f"{ZOO_FOLDER}\n  {', '.join(pool)}")
    show(f"{SUITE_FOLDER}\n  {', '.join(f'{name} ({len(suite[name]):,})' for name in suite)}")
    places = f"--pool {shlex.quote(str(ZOO_FOLDER))} --suite {shlex.quote(str(SUITE_FOLDER))}"
    show(f"To begin with:\n  soupwidgets sweep {places} --fine-tuned ft-03\n  soupwidgets soup greedy {places}")
