"""A table of ingredients with a coefficient for each."""

from __future__ import annotations

import anywidget
import traitlets

from soupwidgets.panel.live_figure import STATIC, with_keys


class IngredientTable(anywidget.AnyWidget):
    """Rows to sort, filter and switch on and off, each with a slider and a number box.

    Attributes
    ----------
    rows
        One dictionary per ingredient: ``name``, perhaps a ``note``, and the values of the columns.
    columns
        ``key`` and ``label`` of what is shown beside the coefficient, and perhaps a fixed number of ``digits``.
    coefficients
        Name to coefficient; 0 is out of the soup.
    dragging
        True while a thumb moves, False once it was let go or a value was typed.
    lock
        Whether the sum stays 1: the other coefficients then keep their proportions.
    selection
        Names that are shown; all when empty.
    """

    _esm = with_keys("ingredient_table.js")
    _css = STATIC / "ingredient_table.css"
    rows = traitlets.List(traitlets.Dict()).tag(sync=True)
    columns = traitlets.List(traitlets.Dict()).tag(sync=True)
    coefficients = traitlets.Dict().tag(sync=True)
    dragging = traitlets.Bool(False).tag(sync=True)
    lock = traitlets.Bool(True).tag(sync=True)
    selection = traitlets.List(traitlets.Unicode()).tag(sync=True)
