"""What makes a function a soup method: one decorator, and it is found wherever methods are offered."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from soupwidgets.decorators import same_function
from soupwidgets.evaluation import Evaluator
from soupwidgets.pool import Pool
from soupwidgets.recipe import Recipe
from soupwidgets.spelling import did_you_mean, nearest

# What a method is given by whoever calls it, and what is therefore none of its options.
_GIVEN = ("pool", "ev", "path", "progress", "overwrite")
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_METHODS: dict[str, SoupMethod] = {}
_Function = TypeVar("_Function", bound=Callable[..., Any])
Steps = Callable[..., Iterator[tuple[int, int, Any]]]


@dataclass(frozen=True)
class Made:
    """What a method made.

    Parameters
    ----------
    result
        What the function returned: a `Recipe`, something that has one and says how it came about, or a path.
    """

    result: Any

    @property
    def recipe(self) -> Recipe | None:
        """The soup; None where it went to a file, because no recipe expresses it."""
        found = self.result if isinstance(self.result, Recipe) else getattr(self.result, "recipe", None)
        return found if isinstance(found, Recipe) else None

    @property
    def trace(self) -> dict[str, Any]:
        """How it came about, as plain values; empty where nothing was chosen."""
        told = hasattr(self.result, "recipe") and hasattr(self.result, "to_json")
        return dict(self.result.to_json()) if told else {}


@dataclass(frozen=True)
class SoupMethod:
    """A way to make a soup. What it needs is read from the parameters of its function.

    Parameters
    ----------
    name
        On the command line: ``"learned-by-layer"``.
    label
        On a button: ``"Learned by layer"``.
    paper
        Where it is described.
    function
        Its first parameter is a ``pool`` or, when images choose, ``ev``. What writes a file has ``path`` next. Then
        come names of ingredients, the pool's fine-tuned models when None. All else are options.
    ordered
        Whether the order of the ingredients matters.
    steps
        The same function step by step: yields steps done, of how many, and the result so far.
    settings
        What the function is always called with.
    """

    name: str
    label: str
    paper: str
    function: Callable[..., Any]
    ordered: bool
    steps: Steps | None
    settings: Mapping[str, Any]

    @property
    def needs_images(self) -> bool:
        """Whether it cannot do without validation images."""
        return next(iter(self._parameters)) == "ev"

    @property
    def uses_images(self) -> bool:
        """Whether it looks at validation images where there are some."""
        return "ev" in self._parameters

    @property
    def writes_file(self) -> bool:
        """Whether its result is a file, and no recipe."""
        return "path" in self._parameters

    @property
    def summary(self) -> str:
        """What it does, in a sentence."""
        return (inspect.getdoc(self.function) or "").partition("\n")[0].replace("`", "")

    @property
    def options(self) -> dict[str, inspect.Parameter]:
        """What it takes besides, by name; annotations are types, and every option has a default."""
        own = [p for name, p in self._parameters.items() if name not in (*_GIVEN, *self.settings)]
        # The first of them are the ingredients.
        return {p.name: p for p in own[1:]}

    def explained(self, option: str) -> str:
        """What the docstring says of an option."""
        section = (inspect.getdoc(self.function) or "").partition("Parameters\n----------\n")[2]
        found: dict[str, list[str]] = {}
        names: list[str] = []
        for line in re.split(r"\n\n\w+\n-+\n", section)[0].splitlines():
            if not line.startswith(" "):
                names = line.split(", ")
            for name in names if line.startswith(" ") else ():
                found.setdefault(name, []).append(line.strip())
        return " ".join(found.get(option, [])).replace("`", "")

    def make(
        self,
        pool: Pool,
        ingredients: Sequence[str] | None = None,
        *,
        ev: Evaluator | None = None,
        path: str | Path | None = None,
        progress: bool = False,
        overwrite: bool = False,
        **options: Any,
    ) -> Made:
        """Make a soup.

        Parameters
        ----------
        pool
            The checkpoints.
        ingredients
            Names; the pool's fine-tuned models when None.
        ev
            Evaluator of the pool, for methods that look at images.
        path
            The file, for methods that write one.
        progress, overwrite
            Whether to show a progress bar, and to replace a file that is there already.
        **options
            Those of the method.

        Raises
        ------
        ValueError
            When the method needs images or a path and there is none, when it has no such option, or as it says itself.
        PoolError, CheckpointError
            As the method says.
        """
        arguments = self._arguments(pool, ingredients, ev, path, options)
        shown = {"progress": progress, "overwrite": overwrite}
        shown = {name: value for name, value in shown.items() if name in self._parameters}
        return Made(self.function(*arguments, **self._keywords(ev, options), **shown))

    def stream(
        self, pool: Pool, ingredients: Sequence[str] | None = None, *, ev: Evaluator | None = None, **options: Any
    ) -> Iterator[tuple[int, int, Made]]:
        """Make a soup step by step; stop iterating to give up. A method without steps does all in one.

        Parameters
        ----------
        pool, ingredients, ev, **options
            As in `make`. A method that writes a file takes ``path`` and ``overwrite`` as well.

        Yields
        ------
        int, int, Made
            Steps done, of how many, and the soup so far.
        """
        if self.steps is None:
            yield 1, 1, self.make(pool, ingredients, ev=ev, **options)
            return
        arguments = self._arguments(pool, ingredients, ev, options.pop("path", None), options)
        for done, total, result in self.steps(*arguments, **self._keywords(ev, options)):
            yield done, total, Made(result)

    @property
    def _parameters(self) -> Mapping[str, inspect.Parameter]:
        return inspect.signature(self.function, eval_str=True).parameters

    def require(self, ev: Evaluator | None, path: str | Path | None, options: Mapping[str, Any]) -> None:
        """Make sure that all is there that the method needs, and nothing that it does not know.

        Raises
        ------
        ValueError
            As in `make`.
        """
        if self.needs_images and ev is None:
            raise ValueError(f"{self.name} looks at validation images: name a suite with --suite, or give ev=")
        if self.writes_file and path is None:
            raise ValueError(f"{self.name} writes a file: name it with --out, or give path=")
        for option in options:
            if option not in self.options:
                takes = f"it takes {', '.join(self.options) or 'none'}.{did_you_mean(nearest(option, self.options))}"
                raise ValueError(f"{self.name} has no option {option!r}; {takes}")

    def _arguments(self, pool: Pool, ingredients: Any, ev: Any, path: Any, options: Mapping[str, Any]) -> list[Any]:
        self.require(ev, path, options)
        return [ev if self.needs_images else pool, *([path] if self.writes_file else []), ingredients]

    def _keywords(self, ev: Evaluator | None, options: Mapping[str, Any]) -> dict[str, Any]:
        found = {**self.settings, **options}
        return {**found, "ev": ev} if self.uses_images and not self.needs_images else found


def soup_method(
    name: str, label: str, *, paper: str, ordered: bool = False, steps: Steps | None = None, **settings: Any
) -> Callable[[_Function], _Function]:
    """Offer a function as a soup method: in Python, on the command line, as a button and in the documents.

    Parameters
    ----------
    name, label, paper, ordered, steps
        As in `SoupMethod`.
    **settings
        What the function is always called with: one function may be several methods.

    Returns
    -------
    Callable
        Gives the function back as it is.

    Raises
    ------
    ValueError
        When the name is no word for the command line, another method has it, or the function takes other things than
        a method does.

    Examples
    --------
    >>> @soup_method("first", "First", paper="nobody's", ordered=True)
    ... def first_ingredient(pool, ingredients=None):
    ...     "The first ingredient, and nothing else."
    ...     return Recipe({(ingredients or pool.fine_tuned)[0]: 1})
    >>> method_named("first").make(Pool.open("data/zoo/fashion")).recipe
    Recipe({'ft-00': 1.0})
    >>> forget("first")
    """

    def offer(function: _Function) -> _Function:
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} cannot be a method's name: lower case letters and digits, joined by hyphens")
        known = _METHODS.get(name)
        if known is not None and not same_function(known.function, function):
            raise ValueError(f"there is a method {name!r} already, in {known.function.__module__}")
        _check(function, settings)
        _METHODS[name] = SoupMethod(name, label, paper, function, ordered, steps, settings)
        return function

    return offer


def all_methods() -> tuple[SoupMethod, ...]:
    """Every soup method: first what needs weights alone, then what looks at images, then what writes a file.

    Examples
    --------
    >>> [method.name for method in all_methods() if method.writes_file and method.needs_images]
    ['fisher', 'regmean']
    """
    return tuple(sorted(_METHODS.values(), key=lambda m: (m.writes_file, m.needs_images, m.name)))


def method_named(name: str) -> SoupMethod:
    """The method of a name.

    Raises
    ------
    ValueError
        When there is none.
    """
    if name not in _METHODS:
        known = [method.name for method in all_methods()]
        raise ValueError(
            f"there is no method {name!r}; known are {', '.join(known)}.{did_you_mean(nearest(name, known))}"
        )
    return _METHODS[name]


def forget(name: str) -> None:
    """Offer a method no more."""
    del _METHODS[name]


def function_named(name: str) -> Callable[..., Any] | None:
    """The public function of this name that was made a method, or None."""
    public = (method.function for method in _METHODS.values() if not name.startswith("_"))
    return next((function for function in public if function.__name__ == name), None)


def _check(function: Callable[..., Any], settings: Mapping[str, Any]) -> None:
    parameters = list(inspect.signature(function).parameters.values())
    said = f"{function.__name__} cannot be a soup method"
    if not parameters or parameters[0].name not in ("pool", "ev"):
        raise ValueError(f"{said}: its first parameter is to be called pool, or ev where images choose")
    own = [p for p in parameters if p.name not in (*_GIVEN, *settings)]
    if not own or own[0].kind is inspect.Parameter.KEYWORD_ONLY:
        raise ValueError(f"{said}: it takes no ingredients")
    lacking = [p.name for p in own if p.default is inspect.Parameter.empty]
    if lacking:
        raise ValueError(f"{said}: {', '.join(lacking)} must have a default; that of the ingredients is None")
