"""Controls of a panel: what can be set, and what values it can have."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar

from soupwidgets.panel.view import plain
from soupwidgets.spelling import nearest
from soupwidgets.translation import gettext as _

Value = Any


@dataclass(frozen=True, kw_only=True)
class Control:
    """One thing that can be set.

    Parameters
    ----------
    name
        Key in a panel's state; a Python name.
    label
        What is written beside it.
    value
        What it is at first.
    hidden
        Whether it is not drawn: it is set by clicks, or has a meaning in some states only.
    writes
        Whether it is about a file on the machine where the panel runs: a panel that is served to others has none.
    """

    name: str
    label: str = ""
    value: Value = None
    hidden: bool = False
    writes: bool = False
    kind: ClassVar[str]

    def __init_subclass__(cls) -> None:
        # What the front end calls it; a control made from another one is drawn like that.
        cls.kind = getattr(cls, "kind", cls.__name__.lower())

    def checked(self, value: Value) -> Value:
        """Return the value as the control holds it.

        Raises
        ------
        ValueError
            When the control cannot have it.
        """
        return value

    def grid(self) -> list[Value] | None:
        """List the values that a recorded page offers; None when there is no end to them."""
        return None

    def to_json(self) -> dict[str, Any]:
        """Convert it to what the front end draws."""
        return {"kind": self.kind} | {f.name: plain(getattr(self, f.name)) for f in fields(self)}


@dataclass(frozen=True, kw_only=True)
class Slider(Control):
    """A number between two ends, dragged, stepped or typed.

    Parameters
    ----------
    low, high, step
        Ends, and the distance between two positions; a typed value may lie between them.
    low_label, high_label
        What the ends mean.
    plays
        Whether a button moves it on by itself.
    """

    low: float = 0.0
    high: float = 1.0
    step: float = 0.05
    low_label: str = ""
    high_label: str = ""
    plays: bool = True

    def checked(self, value: Value) -> float:
        """Return the nearest number between the ends."""
        return max(self.low, min(self.high, _number(self.name, value)))

    def grid(self) -> list[Value]:
        """List its positions."""
        steps = round((self.high - self.low) / self.step)
        return [self.low + (self.high - self.low) * i / steps for i in range(steps + 1)] if steps else [self.low]


@dataclass(frozen=True, kw_only=True)
class Number(Control):
    """A number that is typed."""

    def checked(self, value: Value) -> float:
        """Return it as a number."""
        return _number(self.name, value)


@dataclass(frozen=True, kw_only=True)
class Text(Control):
    """A line of text."""

    value: str = ""
    placeholder: str = ""

    def checked(self, value: Value) -> str:
        """Return it as text."""
        return str(value)


@dataclass(frozen=True, kw_only=True)
class Toggle(Control):
    """Yes or no."""

    value: bool = False

    def checked(self, value: Value) -> bool:
        """Return it as a truth value."""
        return bool(value)

    def grid(self) -> list[Value]:
        """List both."""
        return [False, True]


@dataclass(frozen=True, kw_only=True)
class Choice(Control):
    """One of several options.

    Parameters
    ----------
    options
        Values (texts, numbers or None), or pairs of a value and what is written for it.
    """

    options: Sequence[Any] = ()

    @property
    def pairs(self) -> list[tuple[Value, str]]:
        """Values with what is written for them."""
        return [(o[0], str(o[1])) if isinstance(o, tuple | list) else (o, str(o)) for o in self.options]

    def checked(self, value: Value) -> Value:
        """Return it, when it is an option."""
        values = [one for one, _ in self.pairs]
        if value not in values:
            words = _("{name} cannot be {value}.").format(name=self.name, value=repr(value))
            raise ValueError(
                words
                + (did_you_mean(str(value), map(str, values)) or _(" It is one of {values}.").format(values=values))
            )
        return value

    def grid(self) -> list[Value]:
        """List the options."""
        return [value for value, _ in self.pairs]

    def to_json(self) -> dict[str, Any]:
        """Convert it to what the front end draws."""
        return super().to_json() | {"options": [list(pair) for pair in self.pairs]}


@dataclass(frozen=True, kw_only=True)
class Selection(Control):
    """Any number of options, chosen in a list, by clicks or by a lasso.

    Parameters
    ----------
    options
        What can be chosen.
    """

    value: Sequence[str] = ()
    options: Sequence[str] = ()

    def checked(self, value: Value) -> list[str]:
        """Return what is an option, in the options' order, once."""
        wanted = {str(one) for one in ([value] if isinstance(value, str) else value)}
        return [one for one in self.options if one in wanted]


@dataclass(frozen=True, kw_only=True)
class Button(Control):
    """Starts something; its value counts how often it was pressed.

    Parameters
    ----------
    title
        What it does, in a sentence.
    group
        Buttons of one group stand together under this heading.
    lacks
        Why it cannot be pressed here; empty where it can.
    """

    value: int = 0
    title: str = ""
    group: str = ""
    lacks: str = ""


@dataclass(frozen=True, kw_only=True)
class Coefficients(Control):
    """A table with a coefficient for each ingredient.

    While its value is empty, it shows the coefficients that the view's ``card`` has under its name: those of a soup
    that something else has made. What is set by hand is never empty.

    Parameters
    ----------
    rows
        One dictionary for each ingredient: ``name``, perhaps a ``note``, and the values of the columns.
    columns
        ``key`` and ``label`` of what is shown beside the coefficient, perhaps a number of ``digits``.
    filter
        Name of a `Selection` that chooses the rows that are shown; with none chosen all are.
    """

    value: Mapping[str, float] = field(default_factory=dict)
    rows: Sequence[Mapping[str, Any]] = ()
    columns: Sequence[Mapping[str, Any]] = ()
    filter: str = ""

    def checked(self, value: Value) -> dict[str, float]:
        """Return a number for each ingredient."""
        return {
            str(name): _number(_("{name} of {what}").format(name=self.name, what=name), one)
            for name, one in value.items()
        }


@dataclass(frozen=True, kw_only=True)
class Handle(Control):
    """A point on the plane of a figure, dragged there; its value is ``[x, y]``, or None while nobody has moved it.

    Parameters
    ----------
    figure
        Name of the figure in the panel's views.
    limits
        ``[x low, x high, y low, y high]``: how far it is dragged. A value that is set may lie outside of them, for
        it may belong to another plane than the one on screen.
    start
        Where it stands while its value is None; it is not there at all when this is None too.
    """

    figure: str = ""
    limits: Sequence[float] = (0, 1, 0, 1)
    start: Sequence[float] | None = None

    def checked(self, value: Value) -> list[float] | None:
        """Return two numbers."""
        if value is None:
            return None
        if isinstance(value, str) or len(value) != 2:
            raise ValueError(_("{name} is two numbers, not {value}").format(name=self.name, value=repr(value)))
        return [_number(self.name, one) for one in value]


@dataclass(frozen=True, kw_only=True)
class Events(Control):
    """What was done, one after the other, for a panel to fold: nothing is lost however fast it is typed.

    Its value is a list of ``{"number": 1, ...}``; a panel reads what is beyond the number that it has seen.

    Parameters
    ----------
    script
        Name of the front end's function that draws it from the view's ``card``.
    """

    value: Sequence[Mapping[str, Any]] = ()
    script: str = ""


def did_you_mean(written: str, known: Iterable[str]) -> str:
    """The question whether something similar was meant, with a leading space; empty where nothing is similar."""
    found = nearest(written, known)
    return _(" Did you mean {names}?").format(names=_(" or ").join(found)) if found else ""


def _number(name: str, value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise ValueError(_("{name} is a number, not {value}").format(name=name, value=repr(value))) from None
    if not math.isfinite(number):
        raise ValueError(_("{name} is a finite number, not {value}").format(name=name, value=repr(value)))
    return number
