"""Features of two models, read alone and together."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

import soupwidgets as sw
from soupwidgets import Evaluator, Recipe, Suite
from soupwidgets.stats.linear_probe import linear_probe
from soupwidgets.suites import Split
from soupwidgets.topics.diversity.members import Member

SPLITS = ("val", "test")


def knowing(name: str, suite: Suite, *facts: int, width: int = 4) -> Member:
    """A model that has noisy features of some facts about the label, each with ``width`` of them, and of no others.

    Fact 0 tells the labels below 5 from the others, fact 1 the odd ones from the even, 2 those that 3 divides.
    """

    def features(split: Split) -> NDArray[np.float32]:
        told = np.stack([split.labels < 5, split.labels % 2 == 1, split.labels % 3 == 0], axis=1).astype(float)
        # The noise is that of the model: features of a fact that two models share are not copies.
        rng = np.random.default_rng([len(split), *name.encode(), *split.name.encode()])
        columns = np.repeat(told[:, list(facts)], width, axis=1)
        return (columns + 0.3 * rng.standard_normal(columns.shape)).astype(np.float32)

    logits = {name: np.random.default_rng(0).standard_normal((len(suite.splits[name]), 10)) for name in SPLITS}
    return Member(name, SPLITS, lambda split: logits[split].astype(np.float32), run=features)


def test_features_are_what_the_head_takes(tiny_evaluator: Evaluator) -> None:
    recipe = Recipe({"ft-a": 0.5, "ft-b": 0.5})
    where = tiny_evaluator.suite.id_test
    found = sw.diversity.features_of(tiny_evaluator, recipe, where)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    with tiny_evaluator.model(recipe) as network, torch.inference_mode():
        head = network.get_parameter("head.weight").numpy().copy()
        hooks = [one for one in network.modules() if one._forward_hooks]
    assert hooks == []
    np.testing.assert_allclose(
        found @ head.T, tiny_evaluator.evaluate(recipe, ["test"]).split_logits("test"), atol=1e-4
    )
    soup = sw.diversity.mixture(tiny_evaluator, recipe, "soup", splits=["val", "test"])
    np.testing.assert_array_equal(soup.features(where), found)
    assert soup.features(where) is soup.features(where)


def test_a_network_without_a_last_linear_layer_is_refused(
    tiny_evaluator: Evaluator, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tiny_evaluator.model("ft-a") as network:
        forward = network.forward
        monkeypatch.setattr(network, "forward", lambda images: 2 * forward(images))
    with pytest.raises(ValueError, match="do not come straight from a linear layer"):
        sw.diversity.features_of(tiny_evaluator, "ft-a", tiny_evaluator.suite.id_test)


def test_probes_are_those_of_scikit_learn(small_suite: Suite) -> None:
    """Standardised, first principal components, logistic regression; the same images are right but for ties."""
    a, b = knowing("a", small_suite, 0, 1), knowing("b", small_suite, 1, 2)
    found = sw.diversity.combined_features(a, b, small_suite, budget=6, shares=())
    assert (found.budget, found.exact, sorted(found.probes)) == (6, True, [0.0, 0.5, 1.0])
    val, test = small_suite.validation, small_suite.id_test

    def components(one: Member, count: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        scaler = StandardScaler().fit(one.features(val))
        inside = scaler.transform(one.features(val))
        turned = PCA(count).fit(inside)
        return turned.transform(inside), turned.transform(scaler.transform(one.features(test)))

    for share, counts in ((0.0, (6, 0)), (0.5, (3, 3)), (1.0, (0, 6))):
        parts = [components(one, count) for one, count in zip((a, b), counts, strict=True) if count]
        inside, outside = (np.concatenate(of, axis=1) for of in zip(*parts, strict=True))
        probe = found.probes[share]
        assert probe.features == 6
        model = LogisticRegression(C=1 / (len(val) * probe.penalty), max_iter=5000, tol=1e-9).fit(inside, val.labels)
        assert probe.right["test"].mean() == pytest.approx(model.score(outside, test.labels), abs=0.006)
    assert found.beside["all"].features == 16


def test_overlapping_features_are_told_from_a_superset(small_suite: Suite) -> None:
    first, second = knowing("first", small_suite, 0, 1), knowing("second", small_suite, 1, 2)
    overlapping = sw.diversity.combined_features(first, second, small_suite, shares=())
    assert (
        overlapping.answer("test") == "neither is a superset: half of each is better than first alone and second alone"
    )
    gains = overlapping.gains("test")
    right = {share: one.right["test"] for share, one in overlapping.probes.items()}
    assert [gain.difference for gain in gains] == pytest.approx(
        [right[0.5].mean() - right[0.0].mean(), right[0.5].mean() - right[1.0].mean()]
    )
    assert sorted(right) == [0.0, 0.5, 1.0]
    everything, part = knowing("everything", small_suite, 0, 1, 2), knowing("part", small_suite, 1)
    superset = sw.diversity.combined_features(everything, part, small_suite, budget=4, shares=[0.25])
    assert superset.answer("test").startswith("half of each is better than part alone and not clearly better than")
    twins = sw.diversity.combined_features(
        knowing("a", small_suite, 1), knowing("b", small_suite, 1), small_suite, shares=()
    )
    assert "not clearly better than either alone" in twins.answer("test")
    frame = superset.to_frame()
    assert frame["read by"].tolist()[:2] == ["everything alone", "3 of everything, 1 of part"]
    assert frame["gain over first"].iloc[0] == 0
    assert (frame["low"] <= frame["accuracy"]).all()
    drawn = sw.diversity.figures.combined_features(superset, "test")
    assert "Half of each is better than part alone" in drawn.layout.meta["text"]
    assert [len(trace.x) for trace in drawn.data][:2] == [4, 1]


def test_all_components_read_what_all_features_read(small_suite: Suite) -> None:
    """Turning the features changes no probe, so that all of them are the same either way of choosing."""
    a, b = knowing("a", small_suite, 0, 1), knowing("b", small_suite, 1, 2)
    one, other = (
        sw.diversity.combined_features(a, b, small_suite, choose=how, shares=()) for how in ("components", "random")
    )
    for share in (0.0, 1.0):
        assert one.probes[share].penalty == other.probes[share].penalty
        assert (one.probes[share].right["test"] == other.probes[share].right["test"]).mean() > 0.99
    assert (one.probes[0.5].right["test"] != other.probes[0.5].right["test"]).any()


def test_test_images_fit_nothing(small_suite: Suite) -> None:
    """Other test labels give the same probes, and other validation labels do not."""
    a, b = knowing("a", small_suite, 0, 1), knowing("b", small_suite, 1, 2)
    found = sw.diversity.combined_features(a, b, small_suite, shares=())
    fitted = linear_probe(
        StandardScaler().fit_transform(a.features(small_suite.validation)), small_suite.validation.labels
    )
    assert found.fit == "val"
    assert found.probes[0.0].penalty == fitted.penalty
    for wrong, why in (("test", "probes are fitted to val or train, not to 'test'"), ("rotate", "not to 'rotate'")):
        with pytest.raises(ValueError, match=why):
            sw.diversity.combined_features(a, b, small_suite, fit=wrong)
    with pytest.raises(ValueError, match="'val' chooses, and is not reported on"):
        sw.diversity.combined_features(a, b, small_suite, splits=["val"])
    with pytest.raises(KeyError, match="no split 'fog'"):
        sw.diversity.combined_features(a, b, small_suite, splits=["fog"])
    with pytest.raises(ValueError, match="2 to 8 features of each of these models, not 9"):
        sw.diversity.combined_features(a, b, small_suite, budget=9)
    imported = Member("imported", SPLITS, a.load)
    with pytest.raises(ValueError, match="'imported' is known only by its logits"):
        sw.diversity.combined_features(a, imported, small_suite)
    first, *_ = sw.diversity.stream_combined_features(a, b, small_suite, fit="train", shares=())
    assert first.fit == "train"


def test_the_ensemble_and_the_soup_stand_beside(tiny_evaluator: Evaluator) -> None:
    first, second = sw.diversity.members(tiny_evaluator, ["ft-a", "ft-b"], splits=["test"], progress=False)
    soup = sw.diversity.mixture(tiny_evaluator, Recipe({"ft-a": 0.5, "ft-b": 0.5}), "soup", splits=["val", "test"])
    suite = tiny_evaluator.suite
    *_, found = states = list(sw.diversity.stream_combined_features(first, second, suite, soup=soup, shares=[0.25]))
    assert [len(one.readings) for one in states] == [1, 2, 3, 4, 5, 9]
    assert [one.exact for one in states] == [False] * 5 + [True]
    ensemble = sw.diversity.ensemble_of([first, second], suite, ["test"])
    assert found.beside["ensemble"].right["test"].mean() == ensemble.accuracy["test"]
    assert found.beside["soup"].right["test"].mean() == soup.right(suite.id_test).mean()
    assert found.beside["soup's features"].features == found.budget


def test_a_checkpoint_alone_has_the_features_of_its_pool(tiny_evaluator: Evaluator) -> None:
    path = tiny_evaluator.pool.checkpoints["ft-a"].path
    suite = tiny_evaluator.suite
    (one,) = sw.diversity.open_members(
        [path], suite, splits=["test"], store=tiny_evaluator.store, device="cpu", progress=False
    )
    expected = sw.diversity.features_of(tiny_evaluator, "ft-a", suite.id_test)
    np.testing.assert_allclose(one.features(suite.id_test), expected, atol=1e-6)
