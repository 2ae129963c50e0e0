"""What makes a panel an explorer: one decorator, and it is found wherever explorers are offered."""

from __future__ import annotations

import inspect
from typing import TypeVar

from soupwidgets.decorators import same_function
from soupwidgets.panel.panel import Panel

# Where each of our own is: one is imported when it is asked for, and its name is taken before.
BUNDLED = {
    name: f"soupwidgets.topics.{topic}.panel"
    for name, topic in (
        ("AlphaExplorer", "alpha"),
        ("AugmentationExplorer", "augmentation"),
        ("DiagnosisExplorer", "diagnosis"),
        ("DiversityExplorer", "diversity"),
        ("FrontierExplorer", "frontier"),
        ("LandscapeExplorer", "landscape"),
        ("MistakeReviewer", "review"),
        ("ParetoExplorer", "pareto"),
        ("Predict", "prediction"),
        ("SoupMixer", "soup"),
        ("SpectrumExplorer", "spectrum"),
    )
}
_EXPLORERS: dict[str, type[Panel]] = {}
_Explorer = TypeVar("_Explorer", bound=type[Panel])


def explorer(panel: _Explorer) -> _Explorer:
    """Offer a panel as an explorer: in `soupwidgets.widgets`, under the name of its class, and in the documents.

    Parameters
    ----------
    panel
        A class of panels; the first line of its docstring says what it shows.

    Returns
    -------
    type
        The same class.

    Raises
    ------
    ValueError
        When it is no panel, has no public name or no docstring, or another explorer has its name.

    Examples
    --------
    >>> from soupwidgets import widgets
    >>> [one.__name__ for one in widgets.all_explorers()][:2]
    ['AlphaExplorer', 'AugmentationExplorer']
    """
    if not (isinstance(panel, type) and issubclass(panel, Panel)):
        raise ValueError(f"{panel!r} cannot be an explorer: it is no class that is made from Panel")
    name = panel.__name__
    if name.startswith("_") or not panel.__dict__.get("__doc__"):
        raise ValueError(
            f"{name} cannot be an explorer: it needs a public name, and a docstring that says what it shows"
        )
    known, own = _EXPLORERS.get(name), BUNDLED.get(name, panel.__module__)
    if own != panel.__module__ or (known is not None and not same_function(known, panel)):
        raise ValueError(f"there is an explorer {name!r} already, in {known.__module__ if known else own}")
    _EXPLORERS[name] = panel
    return panel


def all_explorers() -> tuple[type[Panel], ...]:
    """Every explorer, by name."""
    return tuple(_EXPLORERS[name] for name in sorted(_EXPLORERS))


def summary(panel: type[Panel]) -> str:
    """What an explorer shows, in a sentence."""
    return (inspect.getdoc(panel) or "").partition("\n")[0].replace("`", "")
