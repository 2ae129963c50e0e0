from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from soupwidgets import Evaluator, GreedySoup, Pool, Recipe, SoupWarning, Store, Suite, greedy_soup, uniform_soup
from soupwidgets.checkpoints import TensorInfo
from soupwidgets.evaluation import Evaluation, Logits, SplitScore, score_logits
from soupwidgets.suites.split import Scoring
from tests.fixtures import TINY, WriteCheckpoint


class NamedPool:
    """Only names matter here."""

    def __init__(self, names: list[str]) -> None:
        self.fine_tuned = self.names = names
        card = SimpleNamespace(role="fine_tuned")
        self.checkpoints = dict.fromkeys(names, SimpleNamespace(card=card))
        self.tensors = {"w": TensorInfo((1,), torch.float32)}

    def require(self, names: object) -> None:
        pass


class Split:
    name, role = "val", "validation"

    name, role, scoring, accepted = "val", "validation", Scoring(), None

    def __init__(self, labels: np.ndarray) -> None:
        self.labels = labels

    def __len__(self) -> int:
        return len(self.labels)


class LogitEvaluator:
    """Stands in for an evaluator whose models say what ``logits`` tells, and counts the images that they were asked."""

    device = torch.device("cpu")
    abreast = 1

    def __init__(self, names: list[str], labels: np.ndarray, logits: Callable[[Recipe], Logits]) -> None:
        self.pool = NamedPool(names)
        self.suite = SimpleNamespace(validation=Split(labels), outputs=3)
        self._logits = logits
        self._known: dict[Recipe, Evaluation] = {}
        self.computation = SimpleNamespace(images=0, outputs=self._outputs)

    @property
    def forward_images(self) -> int:
        return self.computation.images

    def record(self, recipe: Recipe, split: Split, logits: Logits) -> SplitScore:
        score = score_logits(split, logits)
        self._known[recipe] = Evaluation(recipe, {"val": score})
        return score

    def stored(self, recipe: Recipe, splits: list[str]) -> Evaluation | None:
        assert splits == ["val"]  # selection never sees test or shifts
        return self._known.get(recipe)

    def evaluate(self, recipe: Recipe, splits: list[str]) -> Evaluation:
        assert splits == ["val"]
        if recipe not in self._known:
            self.record(recipe, self.suite.validation, self._logits(recipe))
        return self._known[recipe]

    @contextmanager
    def ahead(self, recipes: Iterable[Recipe], splits: str) -> Iterator[None]:
        assert splits == "val"
        yield

    def batch(self, split: Split, rows: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        return torch.from_numpy(rows), torch.from_numpy(split.labels[rows])

    def _outputs(self, recipe: Recipe, rows: torch.Tensor) -> torch.Tensor:
        self.computation.images += len(rows)
        return torch.from_numpy(self._logits(recipe))[rows]


def by_counts(labels: np.ndarray, right: dict[Recipe, int]) -> Callable[[Recipe], Logits]:
    def logits(recipe: Recipe) -> Logits:
        said = labels.copy()
        said[right[recipe] :] = (said[right[recipe] :] + 1) % 3
        return np.eye(3, dtype=np.float32)[said]

    return logits


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize(("both", "strict", "kept"), [
    (81, False, ["a", "b"]), (80, False, ["a", "b"]), (80, True, ["a"]), (79, False, ["a"]), (81, True, ["a", "b"]),
])  # fmt: skip
def test_by_hand(both: int, strict: bool, kept: list[str], full: bool) -> None:
    labels = np.zeros(100, dtype=np.int64)
    half = Recipe({"a": 0.5, "b": 0.5})
    ev = LogitEvaluator(["a", "b"], labels, by_counts(labels, {Recipe({"a": 1}): 80, Recipe({"b": 1}): 70, half: both}))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SoupWarning)
        soup = greedy_soup(ev, strict=strict, full=full, progress=False)  # type: ignore[arg-type]
    assert soup.ingredients == kept
    assert [step.candidate for step in soup.steps] == ["a", "b"]
    assert soup.steps[0].accuracy == 0.8
    assert soup.steps[1].best == 0.8
    if full or len(kept) == 2:
        assert soup.steps[1].accuracy == both / 100
        assert soup.steps[1].exact
        assert soup.share_of_passes == 1
    else:
        # The wrong images come first: those that the two models get wrong alone, 30 by the weaker one.
        assert soup.steps[1].accuracy >= both / 100
        assert soup.steps[1].looked_at <= 32
        assert not soup.steps[1].exact
        assert soup.share_of_passes == soup.steps[1].looked_at / 100


pools = st.tuples(st.integers(2, 7), st.integers(1, 400), st.integers(0, 10**6), st.floats(0, 3), st.booleans())


@settings(max_examples=300, deadline=None)
@given(pools, st.none() | st.integers(0, 100))
def test_same_decisions_as_the_plain_algorithm(drawn: tuple[int, int, int, float, bool], seed: int | None) -> None:
    models, images, noise_seed, noise, strict = drawn
    rng = np.random.default_rng(noise_seed)
    labels = rng.integers(0, 3, images)
    names = [f"m{i}" for i in range(models)]
    own = {name: rng.normal(size=(images, 3)) + 1.0 * np.eye(3)[labels] for name in names}

    def logits(recipe: Recipe) -> Logits:
        # What models of a pool would say: near to the ensemble, with an error of any size.
        said = sum(c * own[name] for name, c in recipe.items())
        digits = int(recipe.hash[:8], 16)
        return (said + noise * np.random.default_rng(digits).normal(size=(images, 3))).astype(np.float32)

    def soup(full: bool) -> GreedySoup:
        ev = LogitEvaluator(names, labels, logits)
        return greedy_soup(ev, strict=strict, seed=seed, full=full, progress=False)  # type: ignore[arg-type]

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SoupWarning)
        plain, fast = soup(True), soup(False)
    assert fast.recipe == plain.recipe
    for ours, reference in zip(fast.steps, plain.steps, strict=True):
        assert (ours.candidate, ours.accepted, ours.best) == (reference.candidate, reference.accepted, reference.best)
        assert ours.accuracy == reference.accuracy if ours.exact else ours.accuracy >= reference.accuracy
        assert ours.exact or not ours.accepted


@pytest.mark.parametrize("seed", range(3))
def test_same_decisions_on_real_networks(
    seed: int, write_checkpoint: WriteCheckpoint, suite: Suite, tmp_path_factory: pytest.TempPathFactory
) -> None:
    torch.manual_seed(seed)
    base = TINY.build().state_dict()
    for i in range(5):
        moved = {k: v + 0.05 * (i + 1) * torch.randn_like(v) for k, v in base.items()}
        path = write_checkpoint(f"m{i}", moved, architecture=TINY.to_json())
    pool = Pool.open(path.parent)
    soups = []
    images = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SoupWarning)
        for full in (True, False):
            ev = Evaluator(pool, suite, device="cpu", store=Store(tmp_path_factory.mktemp("store")))
            soups.append(greedy_soup(ev, full=full, progress=False))
            images.append(ev.forward_images)
    plain, fast = soups
    assert fast.ingredients == plain.ingredients
    assert [step.accepted for step in fast.steps] == [step.accepted for step in plain.steps]
    assert images[1] == 5 * 5000 + sum(step.looked_at for step in fast.steps[1:]) <= images[0]


def test_what_the_store_knows_costs_nothing(tiny_evaluator: Evaluator) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SoupWarning)
        full = greedy_soup(tiny_evaluator, full=True, progress=False)
        before = tiny_evaluator.forward_images
        again = greedy_soup(tiny_evaluator, progress=False)
    assert tiny_evaluator.forward_images == before
    assert again.recipe == full.recipe


def test_a_random_order_is_that_of_its_seed() -> None:
    labels = np.zeros(10, dtype=np.int64)
    names = [f"m{i}" for i in range(6)]
    ev = LogitEvaluator(names, labels, lambda recipe: np.eye(3, dtype=np.float32)[labels])
    orders = [
        [step.candidate for step in greedy_soup(ev, seed=seed, progress=False).steps]  # type: ignore[arg-type]
        for seed in (0, 0, 1)
    ]
    assert orders[0] == orders[1] != orders[2]
    assert sorted(orders[0]) == names


def test_one_model_of_several_is_explained() -> None:
    labels = np.zeros(100, dtype=np.int64)
    right = {Recipe({"a": 1}): 80, Recipe({"b": 1}): 79, Recipe({"a": 0.5, "b": 0.5}): 20}
    ev = LogitEvaluator(["a", "b"], labels, by_counts(labels, right))
    with pytest.warns(SoupWarning, match="nothing to soup: of 2 ingredients greedy kept 'a' alone"):
        greedy_soup(ev, progress=False)  # type: ignore[arg-type]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        alone = greedy_soup(ev, ["b"], strict=True, progress=False)  # type: ignore[arg-type]
    assert alone.recipe == Recipe({"b": 1})
    assert alone.share_of_passes == 0


def test_on_the_bundled_zoo_work_is_saved_where_models_are_turned_down(small_evaluator: Evaluator) -> None:
    """On 400 images; how much is saved on all of validation, notebook 02 says."""
    soup = greedy_soup(small_evaluator, progress=False)
    accepted = [step for step in soup.steps[1:] if step.accepted]
    rejected = [step for step in soup.steps[1:] if not step.accepted]
    assert len(soup.steps) == 22
    assert all(step.exact for step in accepted)
    assert len(rejected) > 5
    assert all(step.looked_at < step.total for step in rejected)
    # Only a rejection can be cut short, so the share is bounded from below by the accepted ones.
    assert soup.share_of_passes == pytest.approx(
        (len(accepted) + sum(step.looked_at / step.total for step in rejected)) / 21
    )
    assert soup.recipe == uniform_soup(small_evaluator.pool, soup.ingredients)
