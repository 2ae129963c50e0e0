"""The document that lists what there is to choose from: `python -m tests.lists` writes it, a test compares it."""

from __future__ import annotations

import inspect
from collections.abc import Iterable

from soupwidgets.methods import SoupMethod, all_methods
from soupwidgets.panel import summary
from soupwidgets.suites import READERS, TRANSFORMS, Transform
from soupwidgets.widgets import all_explorers
from tests.fixtures import ROOT

DOCUMENT = ROOT / "docs" / "lists.md"


def text() -> str:
    """The document as it ought to be."""
    parts = [
        "# Methods, transforms, data sets and explorers",
        "Made by `make lists` from what their decorators say; `CONTRIBUTING.md` tells how to add one.",
        "## Soup methods",
        "`soupwidgets soup NAME --pool ... --out ...`; in Python the function, or "
        "`sw.methods.method_named(NAME).make(pool)`.",
        _table(("name", "in Python", "what it does", "needs", "options", "paper"), map(_method, all_methods())),
        "## Transforms of images",
        "`Shift(NAME, seed, uniform)` makes a distribution shift of one, `augmentation(NAME, strength)` an "
        "augmentation.",
        _table(("name", "what it does", "parameters of a shift", "augments"), map(_transform, TRANSFORMS.values())),
        "## Data sets",
        "`soupwidgets suite build --out ... --id KIND=PATH --val KIND=PATH --shift KIND=PATH`.",
        _table(("kind", "what it reads"), ((f"`{kind}`", _summary(READERS[kind])) for kind in sorted(READERS))),
        "## Explorers",
        "`sw.widgets.NAME(...)` in a notebook; `.ask()` and `.to_html(path)` without one.",
        _table(("name", "what it shows"), ((f"`{one.__name__}`", summary(one)) for one in all_explorers())),
    ]
    return "\n\n".join(parts) + "\n"


def _method(method: SoupMethod) -> tuple[str, ...]:
    needs = [
        *["a suite"] * method.needs_images,
        *["a suite, where there is one"] * (method.uses_images and not method.needs_images),
        *["an order of ingredients"] * method.ordered,
        *["a file to write"] * method.writes_file,
    ]
    function = method.function.__name__
    python = "" if function.startswith("_") else f"`{function}`"
    options = ", ".join(f"`{option}`" for option in method.options)
    return f"`{method.name}`", python, method.summary, ", ".join(needs), options, method.paper


def _transform(one: Transform) -> tuple[str, ...]:
    mixes = one.pixels is None and getattr(one.at(1), "mixup", 0)
    parameters = ", ".join(f"`{name}`" for name in one.parameters if name != "standard_normal" and not mixes)
    return f"`{one.name}`", one.summary, parameters, "yes" if one.augments else ""


def _summary(function: object) -> str:
    return (inspect.getdoc(function) or "").partition("\n")[0].replace("``", "`")


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(" | ".join(["", *(cell.replace("|", "&#124;") for cell in line), ""]).strip() for line in lines)


if __name__ == "__main__":
    DOCUMENT.write_text(text())
