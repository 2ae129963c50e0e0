"""Which models can be mixed with which, and soups that need not be measured."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from soupwidgets import Evaluator, Pool, Recipe, Store, Suite
from soupwidgets.evaluation import right_answers
from soupwidgets.figures import text_alternative
from soupwidgets.methods.uniform import average
from soupwidgets.topics.diagnosis import PairBarrier, Pairs, diagnose, figures, pairs
from soupwidgets.topics.diagnosis.measured import answers, harmful, lost_halfway
from soupwidgets.topics.diagnosis.pairs import pairs_words, stream_pairs, sure
from soupwidgets.topics.diagnosis.without import guessed_without, might_be_better
from tests.fixtures import ROOT
from tests.topics.diagnosis.planted import FASHION, RESNET, noisy, planted_pool

OTHER = ROOT / "data" / "zoo" / "fashion-b"


@pytest.fixture
def two_starts(small_suite: Suite, zoo_store: Store) -> Evaluator:
    """Three siblings, two of another start, and one of a third."""
    paths = [FASHION / f"{name}.safetensors" for name in ("ft-00", "ft-03", "ft-05", "other-seed")]
    paths += [OTHER / f"{name}.safetensors" for name in ("ft-01", "ft-02")]
    return Evaluator(Pool.open(paths), small_suite, device="cpu", store=zoo_store)


def test_groups_are_found_and_said(two_starts: Evaluator) -> None:
    found = diagnose(two_starts, progress=False)
    assert found.pairs is not None
    # The one that is of another seed than its pool is a sibling of the other pool's.
    groups = {frozenset(group) for group in found.pairs.groups}
    assert groups == {frozenset({"ft-00", "ft-03", "ft-05"}), frozenset({"ft-01", "ft-02", "other-seed"})}
    assert len(found.pairs.barriers) == found.pairs.possible == 15
    (others,) = (group for group in groups if found.best not in group)
    assert found.sentence.endswith("can be mixed among themselves.")
    assert all(name in found.sentence.split(". ")[-1] for name in others)
    drawn = figures.pairs(found)
    assert text_alternative(drawn).startswith("15 of 15 pairs of 6 models were looked at")
    (table,) = drawn.data
    place = {name: i for i, name in enumerate(table.x)}
    assert table.z[place["ft-00"]][place["other-seed"]] > 20
    assert "\u00d7" in table.text[place["ft-00"]][place["other-seed"]]
    assert "\u00d7" not in table.text[place["ft-01"]][place["ft-02"]]
    assert np.isnan(table.z[0][0])


def test_a_few_images_say_what_all_say(two_starts: Evaluator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exact ones are the oracle; and what was not looked at is not counted as measured."""
    monkeypatch.setattr(pairs, "_STEP", 64)
    ev, val = two_starts, two_starts.suite.validation
    right = {name: right_answers(ev.evaluate(name, "val"), val) for name in ev.pool.names}
    (*_, found) = stream_pairs(ev.with_store(Store(tmp_path)), right)
    assert found.share_of_images < 0.7
    for first, second in combinations(right, 2):
        half = Recipe({first: 0.5, second: 0.5})
        middle = right_answers(ev.evaluate(half, "val"), val)
        lost = lost_halfway(right[first], right[second], middle)
        own = found.barriers[first, second]
        assert own.barred == pairs._verdict(lost).barred
        # The share of the images that were looked at, in the order of measurement.
        seen = ev.reader(val).order[: own.images]
        assert own.height == pytest.approx(lost[seen].mean())


def test_when_a_sample_makes_sure_by_hand() -> None:
    # No image is lost; two are as if they were: a spread of (2/n) ** 0.5, and three standard errors of that.
    for seen, verdict in ((100, None), (256, False)):
        far = 3 * (2 / seen) ** 0.5 * ((1 - seen / 1000) / seen) ** 0.5
        assert (far <= 0.02) == (verdict is False)
        assert sure(np.zeros(seen), 1000) is verdict
    assert sure(np.ones(64), 1000) is True
    # Half a point above what decides is not sure on any part.
    assert sure(np.array([1.0] * 25 + [0.0] * 975), 100_000) is None


def test_of_many_models_some_pairs_are_looked_at(small_evaluator: Evaluator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Seventy-two models of two starts: first who belongs together, then as many pairs as there is room for."""
    names = [f"m{i:02}" for i in range(72)]
    asked: list[tuple[str, str]] = []

    def look(_ev: Evaluator, first: str, second: str, _right: object) -> PairBarrier:
        asked.append((first, second))
        return PairBarrier(0.0, int(first[1:]) % 2 != int(second[1:]) % 2, 10)

    monkeypatch.setattr(pairs, "look", look)
    (*_, found) = stream_pairs(small_evaluator, dict.fromkeys(names, np.zeros(400, bool)))
    assert len(asked) == len(set(asked)) == len(found.barriers) == found.planned == 120
    assert found.possible == 72 * 71 // 2
    assert [len(group) for group in found.groups] == [36, 36]
    assert pairs_words(found).startswith("120 of 2556 pairs of 72 models were looked at")


def test_groups_by_hand() -> None:
    def one(barred: bool) -> PairBarrier:
        return PairBarrier(0.3 if barred else -0.01, barred, 50)

    found = Pairs(
        ("a", "b", "c", "d"), {("a", "b"): one(False), ("b", "c"): one(False), ("a", "c"): one(True)}, 6, 100
    )  # fmt: skip
    # a and c are connected by b, and nobody has looked at d.
    assert found.groups == [("a", "b", "c"), ("d",)]
    assert found.barred == [("a", "c")]
    assert found.share_of_images == 0.5
    assert pairs_words(found) == (
        "3 of 6 pairs of 4 models were looked at, with 50% of their examples. 1 of them cannot be mixed: a with c "
        "(30.0 points lost). Can be mixed: a, b and c with each other; d with none of the others."
    )


def test_a_guess_is_exact_where_logits_are_linear(small_evaluator: Evaluator, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oracle mixes the logits of the others."""
    from soupwidgets.topics.diagnosis import without

    ev, val = small_evaluator, small_evaluator.suite.validation
    members = ["ft-00", "ft-03", "ft-05"]
    single = {name: ev.evaluate(name, "val").split_logits("val").astype(float) for name in members}

    class Linear:
        def __init__(self, recipe: Recipe) -> None:
            self.recipe = recipe

        def split_logits(self, _split: str) -> np.ndarray:
            return sum(share * single[name] for name, share in self.recipe.items())

    seen: list[np.ndarray] = []
    monkeypatch.setattr(Evaluator, "evaluate", lambda _ev, recipe, _splits=None: Linear(recipe))
    monkeypatch.setattr(without, "right_of", lambda logits, _split: seen.append(logits) or np.zeros(len(val), bool))
    guessed_without(ev, members)
    for guess, left in zip(seen[2:], (("ft-03", "ft-05"), ("ft-00", "ft-05"), ("ft-00", "ft-03")), strict=True):
        np.testing.assert_allclose(guess, (single[left[0]] + single[left[1]]) / 2, atol=1e-9)


@pytest.mark.parametrize("size", [0.2, 0.4])
def test_what_is_not_measured_would_not_be_accused(
    size: float, tmp_path: Path, small_suite: Suite, zoo_store: Store
) -> None:
    pool = planted_pool(tmp_path, lambda own: noisy(own, size))
    ev = Evaluator(pool, small_suite, device="cpu", store=zoo_store)
    members = [name for name in pool.names if name != "zero-shot"]
    soup = answers(ev, average(members))
    assert soup.right is not None
    without = {name: answers(ev, average([m for m in members if m != name])) for name in members}
    guessed = guessed_without(ev, members)
    spared = {name: one for name, one in guessed.items() if not might_be_better(soup.right, one)}
    measured = {name: without[name] for name in members if name not in spared}
    exact = [one.members for one in harmful(ev, soup, without)]
    assert [one.members for one in harmful(ev, soup, measured, spared)] == exact
    assert not {name for (name,) in exact} & spared.keys()


def test_a_broken_soup_is_no_expansion_of_its_members(small_evaluator: Evaluator) -> None:
    """Then every soup without a member is measured."""
    assert guessed_without(small_evaluator, ["ft-00", "ft-03", "bad-lr"]) == {}
    assert set(guessed_without(small_evaluator, ["ft-00", "ft-03", "ft-05"])) == {"ft-00", "ft-03", "ft-05"}


def test_healthy_models_save_measurements(small_evaluator: Evaluator, tmp_path: Path) -> None:
    ev = small_evaluator.with_store(Store(tmp_path))
    names = ["zero-shot", *ev.pool.fine_tuned[:6]]
    found = diagnose(ev, names, progress=False)
    assert found.healthy
    assert found.spared > 0
    soups = [e for e in ev.measured("val") if len(e.recipe) == 5]
    assert len(soups) == 6 - found.spared


def test_batch_normalisation_is_measured_again_for_pairs(small_suite: Suite, zoo_store: Store, tmp_path: Path) -> None:
    """The middle of a pair has the statistics that an evaluator of it would give it."""
    pool = Pool.open([RESNET / f"{name}.safetensors" for name in ("ft-00", "ft-01", "scratch-a")])
    ev = Evaluator(pool, small_suite, device="cpu", store=zoo_store, precision="float32")
    val = ev.suite.validation
    right = {name: right_answers(ev.evaluate(name, "val"), val) for name in pool.names}
    (*_, found) = stream_pairs(ev.with_store(Store(tmp_path)), right)
    for (first, second), own in found.barriers.items():
        middle = right_answers(ev.evaluate(Recipe({first: 0.5, second: 0.5}), "val"), val)
        seen = ev.reader(val).order[: own.images]
        assert own.height == pytest.approx(lost_halfway(right[first], right[second], middle)[seen].mean())
