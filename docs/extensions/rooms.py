"""``room``: everything public of a package on one page, a table first."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective


def documented(room: str) -> dict[str, Any]:
    """What a room exports, by name, without modules: they have pages of their own."""
    module = importlib.import_module("soupwidgets")
    for name in room.split(".")[1:]:
        module = getattr(module, name)
    found = {name: getattr(module, name) for name in module.__all__}
    return {name: one for name, one in sorted(found.items()) if not inspect.ismodule(one)}


class Room(SphinxDirective):
    """What ``__all__`` of a package names. What is exported further out as well is described there, once."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Give a table of the names, and what each is."""
        room = self.arguments[0]
        outer = documented("soupwidgets") if room != "soupwidgets" else {}
        names = documented(room)
        own = {name: one for name, one in names.items() if outer.get(name) is not one}
        lines = [f".. currentmodule:: {room}", "", ".. autosummary::", "   :nosignatures:", ""]
        described = [name for name, one in names.items() if not _is_data(one)]
        lines += [f"   {name if name in own else f'~soupwidgets.{name}'}" for name in described]
        for name, one in own.items():
            lines += ["", *_described(name, one)]
        return self.parse_text_to_nodes("\n".join(lines), allow_section_headings=True)


def _is_data(one: Any) -> bool:
    return not inspect.isclass(one) and not inspect.isroutine(one)


def _described(name: str, one: Any) -> list[str]:
    if inspect.isclass(one):
        kind = "exception" if issubclass(one, BaseException) else "class"
        return [f".. auto{kind}:: {name}", "   :members:"]
    if inspect.isroutine(one):
        return [f".. autofunction:: {name}"]
    # A constant has no docstring of its own, so it is shown: a dictionary by its keys, anything else as it prints.
    words = ", ".join(f"``{key}``" for key in one) if isinstance(one, Mapping) else f"``{one!r}``"
    return [f".. data:: {name}", "", f"   {words}"]


def setup(app: Sphinx) -> dict[str, bool]:
    """Add the directive."""
    app.add_directive("room", Room)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
