"""All methods on one pool, side by side: what each gains, and what it costs."""

from __future__ import annotations

import tempfile
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm.auto import tqdm

from soupwidgets.evaluation import Evaluation, Evaluator
from soupwidgets.evaluation.answers import compared, right_answers
from soupwidgets.evaluation.tasks import KEEPS_OUTPUTS
from soupwidgets.methods.greedy import GreedySoup
from soupwidgets.methods.method import Made, SoupMethod, all_methods, method_named
from soupwidgets.methods.selection import best_alone, selection_metric, selection_score
from soupwidgets.methods.uniform import chosen_ingredients
from soupwidgets.pool import Pool, SoupWarning
from soupwidgets.recipe import Recipe
from soupwidgets.stats.intervals import mean_interval
from soupwidgets.stats.metrics import shown, shown_difference
from soupwidgets.stats.paired import mcnemar
from soupwidgets.suites import Split

if TYPE_CHECKING:
    import pandas as pd

# A value and its 95% interval.
Estimated = tuple[float, tuple[float, float]]
SCALES = (0.5, 0.75, 1.0, 1.25, 1.5, 2.0)


@dataclass
class Cost:
    """Images that passed through the network, and seconds."""

    images: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class ComparedMethod:
    """One row of a comparison.

    Parameters
    ----------
    name, label
        Of the method, or ``"zero-shot"`` and ``"best-single"``, which mix nothing.
    evaluation
        Its scores; None where the method could not be used, and ``problem`` says why.
    selected
        What was chosen by validation images, in words; empty where nothing was.
    test_gain, shift_gain
        How much more than the best single model: on the in-distribution test, and on the mean of the shifts, each by
        pairs of answers to the same examples. None where outputs of that task are not kept, or there is no shift.
    images
        How many passed through the network to make and to measure it; none of those that the store knew.
    seconds
        How long that took.
    """

    name: str
    label: str
    evaluation: Evaluation | None = None
    selected: str = ""
    test_gain: Estimated | None = None
    shift_gain: Estimated | None = None
    images: int = 0
    seconds: float = 0.0
    problem: str = ""


@dataclass(frozen=True, repr=False)
class Comparison:
    """What methods make of the same ingredients.

    Parameters
    ----------
    rows
        The zero-shot model and the best single one, then the methods.
    best_single
        Name of the ingredient that is best on the validation split: what gains are measured from.
    suite
        Name of the suite.
    test
        Name of its in-distribution test.
    validation
        Name of the split that everything was chosen by.
    """

    rows: tuple[ComparedMethod, ...]
    best_single: str
    suite: str
    test: str
    validation: str

    def __getitem__(self, name: str) -> ComparedMethod:
        """The row of a method."""
        for row in self.rows:
            if row.name == name:
                return row
        raise KeyError(f"{name!r} was not compared; there are {', '.join(row.name for row in self.rows)}")

    def __repr__(self) -> str:
        made = [row for row in self.rows if row.evaluation]
        return (
            f"Comparison({len(made)} of {len(self.rows)} rows made, on {self.suite!r}; gains over {self.best_single})"
        )

    def _repr_html_(self) -> str:
        return self.to_frame().to_html(index=False, escape=True, float_format=lambda value: f"{value:.4f}")

    def to_frame(self) -> pd.DataFrame:
        """One row for each method: scores and gains with their limits (0..1 where they are shares), and costs."""
        import pandas as pd

        return pd.DataFrame(self._records())

    def to_json(self) -> dict[str, Any]:
        """The same as plain values, with recipes (those by tensor as their means) and the scores of every split."""
        rows = []
        for row, record in zip(self.rows, self._records(), strict=True):
            splits = {one["split"]: one for one in row.evaluation.to_records()} if row.evaluation else {}
            recipe = dict(row.evaluation.recipe) if row.evaluation else {}
            rows.append({**record, "recipe": recipe, "splits": splits})
        return {
            "suite": self.suite,
            "test": self.test,
            "validation": self.validation,
            "best_single": self.best_single,
            "methods": rows,
        }

    def to_text(self) -> str:
        """The table for people, widest columns last."""
        head = ("method", self.test, "shifts, mean", "gain on " + self.test, "gain on shifts", "images", "seconds",
                f"chosen by {self.validation}")  # fmt: skip
        lines = [head, *(self._cells(row) for row in self.rows)]
        widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
        table = "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
        )
        return (
            f"{table}\n\nGains are over {self.best_single}, the best single model by {self.validation}, on the same "
            "examples. Brackets are 95% intervals; with as many rows as these, about one in twenty leaves out 0 by "
            "chance. Images and seconds are those of this run: what the store knew costs nothing.\n"
        )

    def _records(self) -> list[dict[str, Any]]:
        records = []
        for row in self.rows:
            found = row.evaluation
            test = None if found is None else (found[self.test].accuracy, found[self.test].interval)
            records.append(
                {
                    "method": row.name,
                    "validation": None if found is None else found[self.validation].accuracy,
                    **_limits("test", test),
                    **_limits("shifts", _shifts(found)),
                    **_limits("test_gain", row.test_gain),
                    **_limits("shift_gain", row.shift_gain),
                    "selected": row.selected,
                    "images": row.images,
                    "seconds": row.seconds,
                    "problem": row.problem,
                }
            )
        return records

    def _cells(self, row: ComparedMethod) -> tuple[str, ...]:
        if row.evaluation is None:
            return (row.label, *[""] * 6, row.problem)
        test = row.evaluation[self.test]
        metric, shifts = test.metric, _shifts(row.evaluation)
        return (
            row.label,
            _words(metric, (test.accuracy, test.interval)),
            _words(metric, shifts),
            _gain(metric, row.test_gain),
            _gain(metric, row.shift_gain),
            f"{row.images:,}",
            f"{row.seconds:.1f}",
            row.selected,
        )


def compare(
    ev: Evaluator,
    ingredients: Sequence[str] | None = None,
    methods: Sequence[str] | None = None,
    *,
    scales: Sequence[float] = SCALES,
    progress: bool = True,
) -> Comparison:
    """Make a soup by every method, and measure all of them on every split.

    Parameters
    ----------
    ev
        Evaluator of the pool. What is in its store is not measured again: a comparison that was stopped goes on.
    ingredients
        Names; the pool's fine-tuned models when None.
    methods
        Names of methods. When None all, but for those that need an order of the ingredients: a pool is no run.
    scales
        For merges of task vectors that are written to a file: how far to go from the zero-shot model through that
        file, the best on validation images being taken; 1 is the file itself. None are tried when empty.
    progress
        Whether to show a progress bar.

    Returns
    -------
    Comparison
        A method that cannot be used here has a row that says why.

    Raises
    ------
    PoolError, ValueError
        As in `uniform_soup`; also when there is no such method.

    Notes
    -----
    Everything is chosen by the validation split; test and shifts are measured once all is chosen. Files are written to
    a temporary folder, one at a time, and are gone afterwards: ``soupwidgets soup NAME`` makes one to keep. What a row
    costs is what the rows before it have not measured: the single models are measured first. Intervals of the mean over
    shifts are too short where shifts show the same images (`soupwidgets.stats.mean_interval`).
    """
    names = chosen_ingredients(ev.pool, ingredients)
    wanted = [m for m in all_methods() if not m.ordered] if methods is None else [method_named(one) for one in methods]
    best, _ = best_alone(ev, names)
    rows = []
    singles = [("best-single", f"Best single ({best})", best)]
    zero_shot = [name for name in ev.pool.names if ev.pool.checkpoints[name].card.role == "zero_shot"]
    if len(zero_shot) == 1:
        singles.insert(0, ("zero-shot", f"Zero-shot ({zero_shot[0]})", zero_shot[0]))
    reference = ev.evaluate(best)
    for name, label, single in singles:
        with _cost(ev) as cost:
            evaluation = ev.evaluate(single)
        rows.append(_row(ev, name, label, evaluation, reference, "" if single != best else "this one", cost))
    for method in tqdm(wanted, desc="methods", unit="method", disable=not progress):
        rows.append(_compared(ev, method, names, scales, reference))
    suite = ev.suite
    return Comparison(tuple(rows), best, suite.name, suite.id_test.name, suite.validation.name)


def _compared(
    ev: Evaluator, method: SoupMethod, names: Sequence[str], scales: Sequence[float], reference: Evaluation
) -> ComparedMethod:
    try:
        with tempfile.TemporaryDirectory(prefix="soupwidgets-") as folder, warnings.catch_warnings():
            # What a method warns of is what the table shows.
            warnings.simplefilter("ignore", SoupWarning)
            path = Path(folder) / f"{_free(ev.pool, method.name)}.safetensors"
            with _cost(ev) as making:
                made = method.make(
                    ev.pool, names, ev=ev if method.uses_images else None, path=path if method.writes_file else None
                )
            measuring, recipe, selected = ev, made.recipe, _selected(made, len(names))
            if recipe is None:
                measuring, recipe = ev.with_pool(ev.pool.including(path)), Recipe({path.stem: 1})
            with _cost(measuring) as found:
                if made.recipe is None and not method.needs_images and scales:
                    recipe, selected = _scaled(measuring, path.stem, scales)
                evaluation = measuring.evaluate(recipe)
            cost = Cost(making.images + found.images, making.seconds + found.seconds)
            return _row(ev, method.name, method.label, evaluation, reference, selected, cost)
    except ValueError as error:
        return ComparedMethod(method.name, method.label, problem=str(error))


def _scaled(ev: Evaluator, file: str, scales: Sequence[float]) -> tuple[Recipe, str]:
    """From the zero-shot model through a merged one as far as is best on validation images."""
    origin = ev.pool.zero_shot
    tried = {scale: Recipe({origin: 1 - scale, file: scale}) for scale in sorted(scales)}
    merit = selection_metric(ev).merit
    scores = {scale: merit(selection_score(ev, recipe)) for scale, recipe in tried.items()}
    best = max(tried, key=lambda scale: (scores[scale], -abs(scale - 1)))
    return tried[best], f"scale {best:g} of {len(tried)}"


def _selected(made: Made, offered: int) -> str:
    if isinstance(made.result, GreedySoup):
        return f"{len(made.result.ingredients)} of {offered} ingredients"
    trace = made.trace
    if "scale" in trace:
        return f"scale {trace['scale']:.3g} of {len(trace.get('scales', []))}"
    if "alphas" in trace:
        return f"alphas {', '.join(f'{alpha:.3g}' for alpha in trace['alphas'])}, of {len(trace['tried'])} tried"
    if "epochs" in trace:
        return "coefficients" + (", without labels" if trace["metric"] == "entropy" else "")
    return ""


def _row(
    ev: Evaluator,
    name: str,
    label: str,
    evaluation: Evaluation,
    reference: Evaluation,
    selected: str,
    cost: Cost,
) -> ComparedMethod:
    test, gains = None, []
    if ev.suite.task in KEEPS_OUTPUTS:
        test = _difference(reference, evaluation, ev.suite.id_test)
        gains = [_difference(reference, evaluation, shift) for shift in ev.suite.shifts]
    mean = None
    if gains:
        values = [value for value, _ in gains]
        mean = (sum(values) / len(values), mean_interval(values, [limits for _, limits in gains]))
    return ComparedMethod(name, label, evaluation, selected, test, mean, cost.images, cost.seconds)


def _difference(first: Evaluation, second: Evaluation, split: Split) -> Estimated:
    if split.scoring.metric == "accuracy" and split.scoring.task != "regression":
        paired = mcnemar(right_answers(first, split), right_answers(second, split))
        return paired.difference, paired.interval
    found = compared(first, second, split)
    return found.difference, found.interval


@contextmanager
def _cost(ev: Evaluator) -> Iterator[Cost]:
    """What it takes to do what is within the block; filled in once that has ended."""
    found = Cost()
    images, start = ev.forward_images, time.monotonic()
    yield found
    found.images, found.seconds = ev.forward_images - images, time.monotonic() - start


def _free(pool: Pool, name: str) -> str:
    """A name that no checkpoint has."""
    return next(free for i in count(1) if (free := name if i == 1 else f"{name}-{i}") not in pool)


def _shifts(evaluation: Evaluation | None) -> Estimated | None:
    if evaluation is None or not any(score.role == "shift" for score in evaluation.scores.values()):
        return None
    return evaluation.shift_accuracy, evaluation.shift_interval


def _limits(name: str, found: Estimated | None) -> dict[str, float | None]:
    value, (low, high) = found or (None, (None, None))
    return {name: value, f"{name}_low": low, f"{name}_high": high}


def _words(metric: str, found: Estimated | None) -> str:
    if found is None:
        return ""
    value, (low, high) = found
    return f"{shown(metric, value)} [{shown(metric, low)}, {shown(metric, high)}]"


def _gain(metric: str, found: Estimated | None) -> str:
    if found is None:
        return ""
    value, limits = found
    low, high = (shown_difference(metric, limit).removesuffix(" points") for limit in limits)
    return f"{shown_difference(metric, value).removesuffix(' points')} [{low}, {high}]"
