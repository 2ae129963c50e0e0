from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar as reference_mcnemar
from statsmodels.stats.proportion import proportion_confint

import soupwidgets as sw
from benchmarks.wide_pool import wide_evaluator
from soupwidgets import Evaluator, Pool, Recipe, Store, Suite, logit_ensemble, uniform_soup, wise_ft
from soupwidgets.evaluation import Evaluation, SplitScore
from soupwidgets.pool import SoupWarning
from soupwidgets.stats.intervals import clopper_pearson
from soupwidgets.store import Measurement
from soupwidgets.topics.frontier.models import FrontierModel
from soupwidgets.topics.frontier.point import FrontierPoint
from tests.topics.frontier.test_published import PUBLISHED


def evaluation(name: str, test: int, *shifts: int, recipe: Recipe | None = None) -> Evaluation:
    scores = {"test": SplitScore("id_test", 1000, 1000, test, 0.5)}
    scores |= {f"shift-{i}": SplitScore("shift", 500, 500, s, 0.5) for i, s in enumerate(shifts)}
    return Evaluation(recipe or Recipe({name: 1}), scores)


def point(id_: float, ood: float, width: float = 0.0) -> FrontierPoint:
    return FrontierPoint(id_, (id_ - width, id_ + width), ood, (ood - width, ood + width))


def made(*models: tuple[str, int, int]) -> sw.frontier.Frontier:
    return sw.frontier.Frontier(
        tuple(FrontierModel(n, "fine-tuned", evaluation(n, a, b)) for n, a, b in models), ("shift-0",)
    )


def test_pareto_by_hand() -> None:
    front = made(
        ("a", 800, 200), ("b", 700, 300), ("c", 700, 250), ("d", 600, 300), ("e", 600, 400), ("twin", 800, 200)
    )
    assert sorted(front.pareto()) == ["a", "b", "e", "twin"]


def test_pareto_against_the_definition() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        numbers = rng.integers(0, 6, (12, 2))
        front = made(*((str(i), int(a) * 100, int(b) * 50) for i, (a, b) in enumerate(numbers)))
        points = front.points()

        def beats(q: FrontierPoint, p: FrontierPoint) -> bool:
            return q.id >= p.id and q.ood >= p.ood and (q.id > p.id or q.ood > p.ood)

        expected = [n for n, p in points.items() if not any(beats(q, p) for q in points.values())]
        assert sorted(front.pareto()) == sorted(expected)


def test_clopper_pearson_is_that_of_statsmodels() -> None:
    for correct, n in itertools.product((0, 1, 7, 250, 499, 500), (500, 1250)):
        low, high = proportion_confint(correct, n, alpha=0.05, method="beta")
        assert clopper_pearson(correct, n).tolist() == pytest.approx([low, high], abs=1e-10)


@pytest.mark.parametrize("scale", ["logit", "probit", "linear"])
def test_baseline_is_that_of_scipy_and_statsmodels(scale: sw.stats.Scale) -> None:
    rng = np.random.default_rng(1)
    ids = np.sort(rng.uniform(0.3, 0.9, 9))
    oods = np.clip(0.8 * ids - 0.1 + 0.02 * rng.standard_normal(9), 0.05, 0.95)
    line = sw.frontier.fit_baseline(
        {str(i): point(a, b) for i, (a, b) in enumerate(zip(ids, oods, strict=True))}, scale
    )
    transform = {"logit": lambda p: np.log(p / (1 - p)), "probit": stats.norm.ppf, "linear": lambda p: p}[scale]
    back = {"logit": lambda z: 1 / (1 + np.exp(-z)), "probit": stats.norm.cdf, "linear": lambda z: z}[scale]
    reference = stats.linregress(transform(ids), transform(oods))
    assert (line.slope, line.intercept) == pytest.approx((reference.slope, reference.intercept))
    fitted = sm.OLS(transform(oods), sm.add_constant(transform(ids))).fit()
    at = np.array([0.4, 0.65, 0.95])
    table = fitted.get_prediction(sm.add_constant(transform(at))).summary_frame(alpha=0.05)
    assert np.allclose(line.predict(at), back(table["mean"].to_numpy()))
    assert np.allclose(line.band(at), back(table[["mean_ci_lower", "mean_ci_upper"]].to_numpy()))


def test_effective_robustness_by_hand() -> None:
    # On the logit scale through (0.5, 0.5) and (0.9, 0.9): the diagonal.
    line = sw.frontier.fit_baseline({"a": point(0.5, 0.5), "b": point(0.9, 0.9)}, "logit")
    found = sw.frontier.effective_robustness(point(0.7, 0.75), line)
    assert found.value == pytest.approx(5.0)
    assert (found.low, found.high) == pytest.approx((5.0, 5.0))  # nothing is uncertain here
    assert np.isnan(line.band(0.7)).all()
    # Both accuracies uncertain by the same, nothing else: the errors add up as squares.
    wide = sw.frontier.effective_robustness(point(0.7, 0.75, 0.02), line)
    expected = 5 - 100 * np.hypot(0.02, 0.02)
    assert wide.low == pytest.approx(expected, abs=0.15)


def test_effective_robustness_interval_covers() -> None:
    rng = np.random.default_rng(3)
    ids = np.array([0.5, 0.6, 0.7, 0.8, 0.9, 0.55, 0.75])
    truth_line = lambda p: stats.norm.cdf(0.9 * stats.norm.ppf(p) - 0.4)  # noqa: E731
    truth = 100 * (0.62 - truth_line(0.74))
    held = 0
    for _ in range(1000):
        oods = stats.norm.cdf(stats.norm.ppf(truth_line(ids)) + 0.03 * rng.standard_normal(7))
        line = sw.frontier.fit_baseline(
            {str(i): point(a, b) for i, (a, b) in enumerate(zip(ids, oods, strict=True))}, "probit"
        )
        n = 2000
        a, b = rng.binomial(n, 0.74), rng.binomial(n, 0.62)
        one = FrontierPoint(a / n, tuple(clopper_pearson(a, n)), b / n, tuple(clopper_pearson(b, n)))
        found = sw.frontier.effective_robustness(one, line)
        held += found.low <= truth <= found.high
    assert 0.93 <= held / 1000 <= 0.97


def test_lines_that_cannot_be_fitted() -> None:
    with pytest.raises(ValueError, match="at least two"):
        sw.frontier.fit_baseline({"a": point(0.5, 0.5)})
    with pytest.raises(ValueError, match="same ID accuracy"):
        sw.frontier.fit_baseline({"a": point(0.5, 0.5), "b": point(0.5, 0.6)})
    with pytest.raises(ValueError, match="'b' has an accuracy of exactly 0 or 1"):
        sw.frontier.fit_baseline({"a": point(0.5, 0.5), "b": point(1.0, 0.6)}, "logit")
    sw.frontier.fit_baseline({"a": point(0.5, 0.5), "b": point(1.0, 0.6)}, "linear")


def test_mcnemar_is_that_of_statsmodels() -> None:
    rng = np.random.default_rng(0)
    for share in (0.5, 0.7):
        first, second = rng.random(300) < 0.6, rng.random(300) < share
        table = [[(first & second).sum(), (first & ~second).sum()], [(~first & second).sum(), (~first & ~second).sum()]]
        test = sw.stats.mcnemar(first, second)
        assert test.p_value == pytest.approx(reference_mcnemar(table, exact=True).pvalue)
        assert test.difference == pytest.approx(second.mean() - first.mean())
        assert test.interval[0] < test.difference < test.interval[1]
    same = sw.stats.mcnemar(first, first)
    assert (same.p_value, same.difference, same.interval) == (1.0, 0.0, (0.0, 0.0))
    with pytest.raises(ValueError, match="do not belong to the same images"):
        sw.stats.mcnemar(first, second[:-1])


def test_bootstrap_means() -> None:
    rng = np.random.default_rng(0)
    right = {"a": rng.random(400) < 0.5, "b": rng.random(900) < 0.8}
    found = sw.stats.bootstrap_mean(right)
    assert found.value == pytest.approx((right["a"].mean() + right["b"].mean()) / 2)
    error = np.sqrt(sum(r.var() / len(r) for r in right.values())) / 2
    assert (found.value - found.low) / 1.96 == pytest.approx(error, rel=0.1)
    # The same images twice: the mean over both is as uncertain as one of them.
    twice = {"a": right["a"], "again": right["a"]}
    images = {"a": np.arange(400), "again": np.arange(400)}
    together = sw.stats.bootstrap_mean(twice, images)
    alone = sw.stats.bootstrap_mean({"a": right["a"]})
    assert together.high - together.low == pytest.approx(alone.high - alone.low, rel=0.1)
    assert sw.stats.bootstrap_mean(twice).high - sw.stats.bootstrap_mean(twice).low < 0.8 * (
        together.high - together.low
    )
    # The same model against itself does not differ, whatever is drawn.
    assert sw.stats.bootstrap_mean(right, minus=right) == sw.stats.Estimate(0, 0, 0)


def test_everything_measured_is_found_again(tiny_pool: Pool, suite: Suite, tmp_path: Path) -> None:
    ev = Evaluator(tiny_pool, suite, device="cpu", store=Store(tmp_path / "store"))
    with pytest.raises(ValueError, match="nothing has been measured"):
        sw.frontier.models(ev)
    half = wise_ft(tiny_pool, "ft-a", 0.5)
    done = {recipe: ev.evaluate(recipe) for recipe in (Recipe({"zero-shot": 1}), Recipe({"ft-a": 1}), half)}
    ev.evaluate(Recipe({"ft-b": 1}), ["val"])  # not on all splits
    soup = uniform_soup(tiny_pool)
    done[soup] = ev.evaluate(soup)
    other = Measurement('{"coefficients": {"stranger": 1.0}}', "test", 1, 1, 0.0)
    ev.store.put("0" * 64, other, np.zeros((1, 10), np.float32))
    ev.store.put("1" * 64, Measurement("no recipe", "test", 1, 1, 0.0), np.zeros((1, 10), np.float32))
    again = Evaluator(tiny_pool, suite, device="cpu", store=Store(tmp_path / "store"))
    assert len(sw.frontier.models(again)) == 4
    assert again.forward_images == 0
    ensemble = logit_ensemble(ev, soup)
    front = sw.frontier.models(again, [ensemble], evaluations=list(done.values()))
    assert [(m.name.split(" (")[0], m.kind) for m in front.models] == [
        ("zero-shot", "zero-shot"), ("ft-a", "fine-tuned"), ("ft-a at alpha 0.5", "WiSE-FT"), ("soup of 2", "soup"),
        ("ensemble: soup of 2", "ensemble"),
    ]  # fmt: skip
    for model in front.models[:4]:
        assert model.evaluation.to_records() == done[model.evaluation.recipe].to_records()
    (curve,) = front.curves().values()
    assert [m.name for m in curve] == ["zero-shot", "ft-a at alpha 0.5", "ft-a"]
    frame = front.to_frame()
    assert frame.loc[3, "mean OOD"] == done[soup].shift_accuracy
    assert Recipe.from_json(frame.loc[3, "recipe"]) == soup


def test_a_uniform_soup_is_one_with_the_zero_shot_model_and_whoever_measured_it(tiny_evaluator: Evaluator) -> None:
    pool = tiny_evaluator.pool
    with pytest.warns(SoupWarning, match="'zero-shot' is the zero-shot model"):
        every = uniform_soup(pool, pool.names)
    for recipe in (uniform_soup(pool), every):
        before = sw.frontier.describe(pool, tiny_evaluator.evaluate(recipe))
        assert (before.name.split(" (")[0], before.kind) == (f"soup of {len(recipe)}", "soup")
        again = Evaluator(pool, tiny_evaluator.suite, device="cpu", store=tiny_evaluator.store)
        (known,) = [m for m in sw.frontier.models(again).models if m.evaluation.recipe == recipe]
        assert known.name == before.name
    unequal = Recipe({"zero-shot": 0.2, "ft-a": 0.4, "ft-b": 0.4})
    assert sw.frontier.describe(pool, tiny_evaluator.evaluate(unequal)).kind == "mixture"
    # Two in equal parts, one of them the zero-shot model, lie on a curve of WiSE-FT.
    assert sw.frontier.describe(pool, tiny_evaluator.evaluate(wise_ft(pool, "ft-a", 0.5))).kind == "WiSE-FT"


def test_every_stored_point_of_a_wide_pool_is_found(tmp_path: Path) -> None:
    front = sw.frontier.models(wide_evaluator(tmp_path, models=12, alphas=5))
    assert len(front) == len(front.points()) == 1 + 12 * 4
    assert len(front.curves()) == 12


@pytest.mark.skipif(not PUBLISHED.is_dir(), reason=f"the published figures are not at {PUBLISHED}")
def test_line_through_the_published_models() -> None:
    models = sw.frontier.read_individual_results(PUBLISHED / "model_soups_individual_results.jsonl")
    tuned = {n: e for n, e in models.evaluations.items() if n != "model_0"}
    for shift in ("ImageNetV2", "ImageNetSketch"):
        points = {n: sw.frontier.point(e, shift) for n, e in tuned.items()}
        line = sw.frontier.fit_baseline(points, "logit")
        x = np.array([e.accuracy["ImageNet"] for e in tuned.values()])
        y = np.array([e.accuracy[shift] for e in tuned.values()])
        reference = stats.linregress(np.log(x / (1 - x)), np.log(y / (1 - y)))
        assert (line.slope, line.intercept) == pytest.approx((reference.slope, reference.intercept))
        if shift == "ImageNetV2":
            # ImageNetV2 follows ImageNet closely (arXiv 1902.10811).
            assert reference.rvalue > 0.93
            found = sw.frontier.effective_robustness(points["model_43"], line)
            assert abs(found.value) < 1.5
            assert found.low < found.value < found.high
    # The initialisation, a linear probe of CLIP, is more robust than the fine-tuned models of its accuracy.
    zero = sw.frontier.point(models.evaluations["model_0"], "ImageNetR")
    line = sw.frontier.fit_baseline({n: sw.frontier.point(e, "ImageNetR") for n, e in tuned.items()}, "logit")
    assert sw.frontier.effective_robustness(zero, line).low > 0
