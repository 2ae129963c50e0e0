"""One image to judge, with everything that helps to judge it, by mouse or by single keys."""

from __future__ import annotations

import anywidget
import traitlets

from soupwidgets.panel.live_figure import STATIC, with_keys


class ReviewCard(anywidget.AnyWidget):
    """An image, the models' predictions for it, and a reviewer's judgement.

    Texts are shown as plain text, whatever they contain; images only come from the suite.

    Attributes
    ----------
    item
        ``image`` (a ``data:`` URL), ``alt``, ``place``, ``reason``, ``label`` (a class), ``predictions``
        (``class``, ``probability``), ``guess`` (``category``, ``reasons``), ``neighbours`` (``image``, ``label``),
        ``others`` (sentences). Empty when there is nothing to judge.
    vocabulary
        ``classes`` (names), ``categories`` and ``severities`` (``id``, ``name``).
    judgement
        ``correct``, ``unclear``, ``wrong`` (classes), ``problematic``, ``category``, ``severity``, ``note``,
        ``shared``, and ``judged``: whether it is stored.
    status
        A message about the last action.
    event
        What the reviewer did: ``number`` of the event, ``do``, and the ``judgement`` to store.
    """

    _esm = with_keys("review_card.js")
    _css = STATIC / "review_card.css"
    item = traitlets.Dict().tag(sync=True)
    vocabulary = traitlets.Dict().tag(sync=True)
    judgement = traitlets.Dict().tag(sync=True)
    status = traitlets.Unicode("").tag(sync=True)
    event = traitlets.Dict().tag(sync=True)
