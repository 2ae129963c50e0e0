from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.special import softmax

from soupwidgets import Suite, SuiteError
from soupwidgets.evaluation.evaluation import score_logits
from soupwidgets.stats.intervals import clopper_pearson
from soupwidgets.suites import (
    ArraySplit,
    ClassMap,
    CollapsedClasses,
    SliceSplit,
    imagenet_collapsed_classes,
    read_collapsed_classes,
)
from soupwidgets.suites.label_sets import LabelSets
from soupwidgets.suites.readers.imagenet import class_names, wordnet_ids
from soupwidgets.suites.split import Scoring

RNG = np.random.default_rng(0)
CLASSES = ["bathtub", "tub", "missile", "projectile", "dog"]
GIVEN = CollapsedClasses({"bathtub": ["tub"], "missile": ["projectile"], "projectile": ["missile"]})
X, Y = RNG.standard_normal((80, 3)).astype(np.float32), RNG.integers(0, 5, 80)
SUITE = Suite.of("numbers", {"val": (X[:40], Y[:40]), "test": (X[40:], Y[40:])}, classes=CLASSES)


def logits(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, 5)).astype(np.float32)


def test_it_goes_one_way_unless_both_name_each_other() -> None:
    labels = np.array([0, 1, 2, 3, 4, 4])
    said = np.array([1, 0, 3, 2, 4, -1])
    assert GIVEN.right(said, labels, CLASSES).tolist() == [True, False, True, True, True, False]
    assert GIVEN.accepted([[0], [1], [2, 4], []], CLASSES) == [{0, 1}, {1}, {2, 3, 4}, set()]


def test_the_largest_logit_of_a_group_removes_mistakes_and_makes_none() -> None:
    both = CollapsedClasses({"missile": ["projectile"], "projectile": ["missile"]})
    scores, labels = logits(3000), np.random.default_rng(1).integers(0, 5, 3000)
    right = both.right(scores.argmax(axis=1), labels, CLASSES)
    # As one class with the largest logit of the two.
    merged = ClassMap([[0], [1], [2, 3], [4]])
    place = np.array([0, 1, 2, 2, 3])
    said = merged.by_class(merged.restrict(torch.from_numpy(scores))).argmax(dim=1).numpy()
    assert np.array_equal(said == place[labels], right)
    assert right[scores.argmax(axis=1) == labels].all()
    assert right.sum() > (scores.argmax(axis=1) == labels).sum()
    # The sum of probabilities is another classifier, which loses answers that were right.
    shares = softmax(scores, axis=1)
    summed = np.stack([shares[:, 0], shares[:, 1], shares[:, 2] + shares[:, 3], shares[:, 4]], axis=1).argmax(axis=1)
    assert ((summed != place[labels]) & (scores.argmax(axis=1) == labels)).any()


def test_a_suite_is_scored_by_it() -> None:
    suite = SUITE.with_slices([SliceSplit("few", SUITE["test"], [1, 5, 9])]).collapsed(GIVEN)
    scores = logits(40)
    for name, rows in (("val", range(40)), ("test", range(40)), ("few", [1, 5, 9])):
        split = suite[name]
        right = GIVEN.right(scores[rows].argmax(axis=1), split.labels, CLASSES)
        score = score_logits(split, scores[rows])
        assert (score.metric, score.accuracy) == ("multi_label_top1", right.mean())
        assert score.interval == pytest.approx(tuple(clopper_pearson(right.sum(), len(right))))
        # The share of original labels stays known.
        assert score.correct == (scores[rows].argmax(axis=1) == split.labels).sum()
    assert suite["test"].content_hash != SUITE["test"].content_hash
    assert SUITE["test"].scoring.metric == "accuracy"


def test_sets_of_labels_grow_and_keep_their_metric() -> None:
    rows = {0: [0, 4], 1: [1], 2: []}
    suite = SUITE.with_label_sets({"test": rows}).collapsed(GIVEN)
    assert suite["test"].scoring.metric == "multi_label_accuracy"
    sets = suite["test"].label_sets
    assert isinstance(sets, LabelSets)
    assert sets.sets[:4] == ((0, 1, 4), (1,), (), None)
    assert suite["val"].scoring.metric == "multi_label_top1"


def test_splits_of_some_of_the_classes() -> None:
    # Of three classes: dogs, missiles, bathtubs; or missile and projectile as one.
    for columns, wanted in (([[4], [2], [0]], {}), ([[4], [0], [1]], {1: {2}}), ([[2, 3], [0], [1]], {1: {2}})):
        scoring = Scoring(class_map=ClassMap(columns), classes=("a", "b", "c"))
        some_classes = ArraySplit("r", {"x": X[:3]}, [0, 1, 2], role="shift", scoring=scoring)
        sets = GIVEN.scoring(some_classes, CLASSES).label_sets
        assert isinstance(sets, LabelSets)
        assert [set(some or ()) for some in sets.sets] == [{k} | wanted.get(k, set()) for k in range(3)]


def test_imagenets_classes_are_those_that_were_published() -> None:
    found = imagenet_collapsed_classes()
    # By number, as in the release of Peychev et al.
    published = {
        250: {248}, 249: {248}, 836: {837}, 837: {836}, 385: {101}, 386: {101}, 504: {968}, 638: {639}, 639: {638},
        657: {744}, 744: {657}, 620: {681}, 681: {620}, 664: {782}, 782: {664}, 482: {848}, 435: {876},
        356: {357, 358, 359}, 357: {356, 358, 359}, 358: {356, 357, 359}, 359: {356, 357, 358},
    }  # fmt: skip
    assert found.numbers(class_names()) == published
    assert found.numbers(wordnet_ids()) == published
    assert "2205.04596" in found.source


def test_what_cannot_be_is_said(tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match="of the 5 classes is called 'cat'"):
        SUITE.collapsed(CollapsedClasses({"dog": ["cat"]}))
    # Two classes of OpenAI's names are called sunglasses.
    with pytest.raises(SuiteError, match="more than one, of the 1,000 classes is called 'sunglasses'"):
        CollapsedClasses({"sunglasses": ["tusker"]}).numbers(class_names())
    with pytest.raises(SuiteError, match="split 'val' is scored by macro_f1 of a single-label task"):
        SUITE.scored_by("macro_f1").collapsed(GIVEN)
    path = tmp_path / "classes.json"
    entry = {"label": "dog", "also": ["tub"]}
    good = {"format": "soupwidgets collapsed classes 1", "source": "me", "collapsed": [entry]}
    path.write_text(json.dumps(good))
    assert read_collapsed_classes(path) == CollapsedClasses({"dog": ("tub",)})
    for wrong, why in (
        ({**good, "format": "x"}, "not a file of the format"),
        ({**good, "collapsed": []}, "malformed"),
        ({**good, "collapsed": [{"label": "dog", "also": "tub"}]}, "malformed"),
        ({**good, "collapsed": [entry, entry]}, "the label 'dog' has 2 entries"),
        ([], "malformed"),
    ):
        path.write_text(json.dumps(wrong))
        with pytest.raises(SuiteError, match=why):
            read_collapsed_classes(path)
