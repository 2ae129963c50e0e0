"""`name` in a docstring is a link to what it names, and an error where there is nothing of that name.

So is ``sw.name`` in the pages.
"""

from __future__ import annotations

import importlib
import inspect
import re
import sys
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.nodes import make_refnode

_NAME = re.compile(r"(?<![`:\w])`([A-Za-z_]\w*)`(?![`_])")
_OF_SW = re.compile(r"sw\.(\w+(?:\.\w+)*)")
_OF_A_CLASS = ("method", "property", "attribute")


def plain(_app: Sphinx, _what: str, name: str, one: Any, _options: Any, lines: list[str]) -> None:
    """Parameters, fields, and names of the module that are not public stay code: no page describes them."""
    known = {*_parameters(one), *_parameters(_found(name.rpartition(".")[0])), *_private(one)}
    lines[:] = [_NAME.sub(lambda match: f"``{match[1]}``" if match[1] in known else match[0], line) for line in lines]


def link(app: Sphinx, env: BuildEnvironment, node: addnodes.pending_xref, text: nodes.Node) -> nodes.Node | None:
    """What a name stands for, wherever it is seen.

    A name without a dot is that of a class or function, never another class's attribute. What exists and has no page
    is shown as it is written.
    """
    if node.get("refdomain") != "py":
        return None
    target = node["reftarget"].removesuffix("()")
    objects = env.domains.python_domain.objects
    last = target.rpartition(".")[2] if target.startswith("soupwidgets.") else target
    found = [
        name
        for name, one in objects.items()
        if name.endswith(f".{last}") and ("." in last or one.objtype not in _OF_A_CLASS)
    ]
    if not found:
        return text if "." in target and _found(target) is not None else None
    nearest = min(found, key=lambda name: (name.count("."), name))
    return _reference(app, env, node["refdoc"], nearest, text)


def link_pages(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Code that begins with a public name of ``sw`` leads to it, unless it is a part of a link already."""
    objects = app.env.domains.python_domain.objects
    for code in list(doctree.findall(nodes.literal)):
        match = _OF_SW.match(code.astext())
        name = f"soupwidgets.{match[1]}" if match else ""
        if name in objects and not isinstance(code.parent, nodes.reference):
            code.replace_self(_reference(app, app.env, page, name, code.deepcopy()))


def _reference(app: Sphinx, env: BuildEnvironment, page: str, name: str, text: nodes.Node) -> nodes.reference:
    at = env.domains.python_domain.objects[name]
    return make_refnode(app.builder, page, at.docname, at.node_id, [text], title=name)


def _parameters(one: Any) -> list[str]:
    if inspect.ismodule(one) or not callable(one):
        return []
    fields = getattr(one, "__annotations__", {}) if inspect.isclass(one) else {}
    try:
        return [*fields, *inspect.signature(one).parameters]
    except (ValueError, TypeError):
        return [*fields]


def _private(one: Any) -> set[str]:
    module = sys.modules.get(getattr(one, "__module__", None) or "")
    if module is None or not module.__name__.startswith("soupwidgets"):
        return set()
    public = {name for room in [*sys.modules.values()] for name in _exported(room)}
    return {name for name in vars(module) if name not in public}


def _exported(room: Any) -> list[str]:
    is_ours = (getattr(room, "__name__", None) or "").startswith("soupwidgets")
    return getattr(room, "__all__", []) if is_ours else []


def _found(path: str) -> Any:
    """What a dotted path leads to, None when to nothing."""
    parts = path.split(".")
    for length in range(len(parts), 0, -1):
        try:
            one: Any = importlib.import_module(".".join(parts[:length]))
        except (ImportError, ValueError):
            continue
        for name in parts[length:]:
            one = getattr(one, name, None)
        return one
    return None


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect both ends: docstrings as they are read, and names that nothing else resolves."""
    # Before numpydoc, which makes reStructuredText of sections.
    app.connect("autodoc-process-docstring", plain, priority=100)
    app.connect("missing-reference", link)
    app.connect("doctree-resolved", link_pages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
