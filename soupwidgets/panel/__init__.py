"""Panels: state in, views out; one base, one front end. What one needs to write a panel is here."""

from soupwidgets.panel.controls import Button, Choice, Number, Selection, Slider, Text, Toggle
from soupwidgets.panel.offering import all_explorers, explorer, summary
from soupwidgets.panel.panel import Filled, Panel, State
from soupwidgets.panel.view import Picture, Strip, Table, View

__all__ = [
    "Button",
    "Choice",
    "Filled",
    "Number",
    "Panel",
    "Picture",
    "Selection",
    "Slider",
    "State",
    "Strip",
    "Table",
    "Text",
    "Toggle",
    "View",
    "all_explorers",
    "explorer",
    "summary",
]
