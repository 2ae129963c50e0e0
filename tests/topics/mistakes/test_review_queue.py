from __future__ import annotations

import sys

import numpy as np
import pytest
from scipy.special import log_softmax

import soupwidgets as sw
from soupwidgets import Evaluator, Recipe
from soupwidgets.suites import Suite
from soupwidgets.topics.diversity.members import Member
from soupwidgets.topics.mistakes.embeddings import Embeddings, embeddings, nearness, typicality
from soupwidgets.topics.mistakes.mistake_guess import CATEGORIES, MistakeGuesser
from soupwidgets.topics.mistakes.multi_labels import ImageLabels, MultiLabels


@pytest.fixture(scope="module")
def models(suite: Suite, tmp_path_factory: pytest.TempPathFactory) -> list[Member]:
    """Logits that are the label, sometimes another class, with known confidence; no model needs to run."""
    rng = np.random.default_rng(0)

    def logits(split: str, seed: int) -> np.ndarray:
        labels = suite.splits[split].labels
        told = np.where(rng.random(len(labels)) < 0.2, (labels + 1 + seed) % 10, labels)
        return (np.eye(10)[told] * 4 + rng.normal(0, 1, (len(labels), 10))).astype(np.float32)

    made = []
    for seed, name in enumerate(["soup", "ingredient", "third"]):
        known = {split: logits(split, seed) for split in ("val", "test")}
        made.append(Member(name, ("val", "test"), known.__getitem__))
    return made


def test_the_hardest_mistakes_come_first(models: list[Member], suite: Suite) -> None:
    queue = sw.mistakes.hardest(models, suite, "test")
    wrong = set(np.flatnonzero(~models[0].right(suite.id_test)))
    assert set(queue.rows) == wrong
    scores = [
        np.mean([log_softmax(m.scaled("test", suite)[row])[suite.id_test.labels[row]] for m in models])
        for row in queue.rows[:5] + queue.rows[-5:]
    ]
    assert scores == sorted(scores)
    assert len(queue.reasons) == len(queue)


def test_disagreement_is_ordered_by_the_entropy_of_votes(models: list[Member], suite: Suite) -> None:
    queue = sw.mistakes.most_disputed(models, suite, "test")
    said = np.stack([m.predictions("test") for m in models])
    kinds = [len(set(said[:, row])) for row in queue.rows]
    assert kinds == sorted(kinds, reverse=True)
    assert min(kinds) == 2
    assert len(queue) == sum(len(set(column)) > 1 for column in said.T)
    assert queue.reasons[0].startswith(f"{kinds[0]} different predictions of 3")
    with pytest.raises(ValueError, match="at least two"):
        sw.mistakes.most_disputed(models[:1], suite, "test")


def test_one_pair_of_classes(models: list[Member], suite: Suite) -> None:
    names = suite.class_names("test")
    queue = sw.mistakes.class_pair(models[0], suite, "test", names[6], names[7])
    labels, said = suite.id_test.labels, models[0].predictions("test")
    assert {(labels[r], said[r]) for r in queue.rows} <= {(6, 7), (7, 6)}
    assert len(queue) == ((labels == 6) & (said == 7)).sum() + ((labels == 7) & (said == 6)).sum()
    with pytest.raises(ValueError, match="no class 'Hat'"):
        sw.mistakes.class_pair(models[0], suite, "test", "Hat", names[0])


def test_where_a_soup_and_its_ingredient_differ(models: list[Member], suite: Suite) -> None:
    queue = sw.mistakes.where_two_differ(models[0], models[1], suite, "test")
    right = [m.right(suite.id_test) for m in models[:2]]
    assert set(queue.rows) == set(np.flatnonzero(right[0] != right[1]))
    for row, reason in zip(queue.rows[:20], queue.reasons, strict=False):
        assert reason == f"only {'soup' if right[0][row] else 'ingredient'} is right"


def test_confident_learning_finds_labels_that_were_swapped(suite: Suite) -> None:
    labels = suite.id_test.labels
    rng = np.random.default_rng(1)
    known = {}
    for split in ("val", "test"):
        ideal = np.eye(10)[suite.splits[split].labels] * 6
        known[split] = ideal + rng.normal(0, 1, ideal.shape)
    # A model that knows better than these labels.
    swapped = rng.choice(len(labels), 100, replace=False)
    known["test"][swapped] = np.eye(10)[(labels[swapped] + 3) % 10] * 6
    queue = sw.mistakes.label_errors(Member("m", ("val", "test"), known.__getitem__), suite, "test")
    assert set(queue.rows) >= set(swapped)
    assert len(queue) < 130


def test_without_cleanlab_the_extra_is_named(
    models: list[Member], suite: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "cleanlab.filter", None)
    with pytest.raises(ModuleNotFoundError, match=r"soupwidgets\[label-errors\]"):
        sw.mistakes.label_errors(models[0], suite, "test")


def _toy() -> Embeddings:
    """Classes 0 and 1 are alike, 2 and 3 are alone; two references each, on the axes."""
    classes = np.array([[1, 0.2, 0, 0], [1, -0.2, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]], dtype=np.float32)
    classes /= np.linalg.norm(classes, axis=1, keepdims=True)
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(4), 30)
    references = classes[labels] + rng.normal(0, 0.05, (120, 4)).astype(np.float32)
    references /= np.linalg.norm(references, axis=1, keepdims=True)
    images = np.stack([classes[0], classes[0], classes[2], -classes[3], -classes[0]]).astype(np.float32)
    return Embeddings("test", "train", images, references.astype(np.float32), labels, classes)


NAMES = ["shirt", "coat", "bag", "boot"]


def test_guesses_follow_the_stated_rule() -> None:
    labels = np.array([0, 0, 2, 3, 0])
    guesser = MistakeGuesser(_toy(), labels, NAMES)
    fine, oov, spurious, unusual = CATEGORIES
    assert guesser.guess(0, 1).category == fine  # similar classes, a typical image
    assert guesser.guess(4, 1).category == oov  # similar classes, unusual for both
    assert guesser.guess(2, 0).category == spurious  # unlike classes, a typical image
    assert guesser.guess(3, 0).category == unusual  # unlike classes, an unusual image
    together = MultiLabels("test", {i: ImageLabels(frozenset({3, 0} if i < 3 else {2})) for i in range(10)})
    said = MistakeGuesser(_toy(), labels, NAMES, multi=together).guess(3, 0)
    assert said.category == spurious
    assert "together 3 times, 0.9 by chance" in said.reasons[1]
    with pytest.raises(ValueError, match="no mistake"):
        guesser.guess(0, 0)


def test_similarity_is_a_share_of_pairs() -> None:
    guesser = MistakeGuesser(_toy(), np.array([0] * 5), NAMES)
    assert guesser.similar(0, 1) == guesser.similar(1, 0) == 5 / 6
    assert guesser.similar(2, 3) == 0


def test_nearness_is_the_mean_of_ten() -> None:
    toy = _toy()
    own = np.flatnonzero(toy.labels == 0)
    similar = np.sort(toy.references[own] @ toy.images[0])[::-1]
    assert nearness(toy, 0, 0) == pytest.approx(similar[:10].mean(), rel=1e-6)
    table = toy.references[own] @ toy.references[own].T
    first = np.sort(np.delete(table[0], 0))[::-1][:10].mean()
    assert typicality(toy)[own[0]] == pytest.approx(first, rel=1e-6)


def test_embeddings_are_those_that_the_logits_come_from(tiny_evaluator: Evaluator) -> None:
    pool, suite = tiny_evaluator.pool, tiny_evaluator.suite
    found = embeddings(tiny_evaluator, "test", progress=False)
    assert found.reference == "train"
    assert found.images.shape[0] == len(suite.id_test)
    np.testing.assert_allclose(np.linalg.norm(found.references[:50], axis=1), 1, rtol=1e-5)
    logits = tiny_evaluator.evaluate(Recipe({pool.zero_shot: 1}), ["test"]).logits["test"]
    with tiny_evaluator.model(Recipe({pool.zero_shot: 1})) as model:
        weights = model.head.weight.detach().cpu().numpy()
    np.testing.assert_allclose(found.images[:20] @ weights.T, logits[:20], rtol=1e-4, atol=1e-4)
    nearest = found.nearest(0, 3, label=2)
    assert (found.labels[nearest] == 2).all()
    with pytest.raises(KeyError, match="no split 'fog'"):
        embeddings(tiny_evaluator, "fog", progress=False)


def test_most_guesses_on_fashion_images_are_fine_grained(evaluator: Evaluator) -> None:
    """Shirts, T-shirts, pullovers and coats: what Fashion-MNIST's mistakes are known for."""
    suite = evaluator.suite
    model = sw.diversity.members(evaluator, ["ft-03"], splits=["test"], progress=False)[0]
    guesser = MistakeGuesser(embeddings(evaluator, "test", progress=False), suite.id_test.labels, suite.classes)
    wrong = np.flatnonzero(~model.right(suite.id_test))[:200]
    kinds = [guesser.guess(int(row), int(model.predictions("test")[row])).category for row in wrong]
    assert np.mean([kind in CATEGORIES[:2] for kind in kinds]) > 0.7
