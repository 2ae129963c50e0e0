from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from statsmodels.stats.inter_rater import cohens_kappa as reference_kappa

import soupwidgets as sw
from soupwidgets import Evaluator, Pool, PoolError, Recipe, Store, Suite, logit_ensemble, uniform_soup
from soupwidgets.models import Architecture
from soupwidgets.suites import Split
from soupwidgets.suites.split import Source
from soupwidgets.topics.diversity.members import Member
from tests.fixtures import TINY, WriteCheckpoint

CLASSES = ("cat", "dog", "eel")
LABELS = {"val": [0, 1, 2, 0], "test": [0, 1, 2, 0, 1, 2, 0, 1]}


@pytest.fixture
def small(tmp_path: Path) -> Suite:
    """Three classes, twelve grey images that nobody looks at."""
    folder = tmp_path / "small"
    folder.mkdir()
    splits = []
    for name, role in (("val", "validation"), ("test", "id_test")):
        labels = np.array(LABELS[name])
        np.save(folder / f"{name}.images.npy", np.zeros((len(labels), 8, 8), dtype=np.uint8))
        np.save(folder / f"{name}.labels.npy", labels)
        (folder / f"{name}.names.json").write_text(json.dumps([f"{name}_{i}.png" for i in range(len(labels))]))
        splits.append(
            {
                "name": name, "role": role, "images": f"{name}.images.npy", "labels": f"{name}.labels.npy",
                "names": f"{name}.names.json",
            }
        )  # fmt: skip
    (folder / "suite.json").write_text(json.dumps({"name": "small", "classes": CLASSES, "splits": splits}))
    return Suite.open(folder)


def saying(name: str, test: list[int], sure: float = 2.0, val: list[int] | None = None, **training: str) -> Member:
    """A model that predicts these classes, all with one confidence."""
    logits = {
        "test": sure * np.eye(3, dtype=np.float32)[test],
        "val": sure * np.eye(3, dtype=np.float32)[LABELS["val"] if val is None else val],
    }
    return Member(name, ("val", "test"), logits.__getitem__, training)


def test_a_pair_by_hand(small: Suite) -> None:
    # Labels       0  1  2  0  1  2  0  1
    a = saying("a", [0, 1, 2, 0, 0, 0, 0, 0], val=[0, 1, 2, 1])
    b = saying("b", [0, 1, 0, 1, 1, 0, 1, 0], val=[0, 1, 2, 1])
    pair = sw.diversity.pair(a, b, small, "test")
    assert (pair.images, pair.accuracies) == (8, (5 / 8, 3 / 8))
    assert (pair.both_right, pair.only_first, pair.only_second) == (2, 3, 1)
    assert pair.error_inconsistency == 4 / 8
    assert pair.oracle == (5 / 8 + 3 / 8 + 4 / 8) / 2 == 6 / 8  # 2 both, 4 one of them
    assert pair.agreement == 4 / 8
    # Equally sure: the lower class wins every tie, image 2 (2 against 0) is lost, 3 (0, 1) and 6 are kept, 4 is lost.
    assert pair.ensemble == 4 / 8
    assert (pair.converted, pair.conversion) == (2, 2 / 4)
    assert pair.gain_over_mean.value == 4 / 8 - 4 / 8
    assert pair.gain_over_better.value == pytest.approx(4 / 8 - 5 / 8)
    low, high = pair.inconsistency_interval
    assert 0.15 < low < 0.5 < high < 0.85


def test_equal_models_have_nothing_to_convert(small: Suite) -> None:
    a, twin = saying("a", [0, 1, 2, 1, 1, 1, 1, 1]), saying("twin", [0, 1, 2, 1, 1, 1, 1, 1])
    pair = sw.diversity.pair(a, twin, small, "test")
    assert (pair.error_inconsistency, pair.kappa.value, pair.agreement) == (0, 1, 1)
    assert np.isnan(pair.conversion)
    assert pair.conversion_interval == (0, 1)
    assert pair.gain_over_mean.value == pair.gain_over_better.value == 0


def test_kappa_is_that_of_statsmodels() -> None:
    rng = np.random.default_rng(0)
    first = rng.integers(0, 5, 800)
    second = np.where(rng.random(800) < 0.6, first, rng.integers(0, 5, 800))
    table = np.zeros((5, 5))
    np.add.at(table, (first, second), 1)
    expected = reference_kappa(table)
    found = sw.diversity.cohens_kappa(first, second)
    assert found.value == pytest.approx(expected.kappa)
    assert (found.low, found.high) == pytest.approx((expected.kappa_low, expected.kappa_upp), abs=0.01)


def test_confidence_is_brought_to_one_scale_on_validation(small: Suite) -> None:
    rng = np.random.default_rng(1)

    def guesses() -> dict[str, np.ndarray]:
        # Three of four validation images are right, so that a finite temperature is best.
        found = {s: rng.standard_normal((len(labels), 3)) + 3 * np.eye(3)[labels] for s, labels in LABELS.items()}
        found["val"][3] = [0, 4, 0]
        return {split: logits.astype(np.float32) for split, logits in found.items()}

    base, other = guesses(), guesses()
    a = Member("a", ("val", "test"), base.__getitem__)
    b = Member("b", ("val", "test"), other.__getitem__)
    loud = Member("b", ("val", "test"), lambda split: 30 * other[split])
    plain, scaled = (sw.diversity.pair(a, one, small, "test") for one in (b, loud))
    assert scaled.temperatures[1] == pytest.approx(30 * plain.temperatures[1], rel=1e-3)
    assert scaled.ensemble == plain.ensemble


def test_what_is_not_finite_is_wrong_and_no_class(small: Suite) -> None:
    broken = np.full((8, 3), np.nan, dtype=np.float32)
    diverged = Member("diverged", ("val", "test"), {"val": broken[:4], "test": broken}.__getitem__)
    right = saying("right", LABELS["test"])
    pair = sw.diversity.pair(right, diverged, small, "test")
    assert (pair.accuracies, pair.ensemble) == ((1, 0), 0)
    assert pair.agreement == 0
    assert pair.temperatures[1] == 1


def test_the_matrix_has_every_pair_and_says_what_is_wrong(small: Suite) -> None:
    models = [saying(n, [i, 1, 2, 0, 1, 2, 0, 1]) for i, n in enumerate("abc")]
    states = list(sw.diversity.stream_matrix(models, small))
    assert [len(state.pairs) for state in states] == [1, 2, 3]
    matrix = states[-1]
    assert matrix.exact
    table = matrix.table("error_inconsistency")
    np.testing.assert_array_equal(table, table.T)
    assert np.isnan(np.diag(table)).all()
    assert table[0, 1] == 1 / 8  # a is right about the first image, b and c are not
    assert table[1, 2] == 0
    assert matrix.to_frame()["error inconsistency"].tolist() == [1 / 8, 1 / 8, 0]
    with pytest.raises(ValueError, match="at least two"):
        sw.diversity.matrix(models[:1], small, progress=False)
    with pytest.raises(ValueError, match="two models are named 'a'"):
        sw.diversity.matrix([models[0], models[0]], small, progress=False)
    with pytest.raises(KeyError, match="no split 'fog'"):
        sw.diversity.matrix(models, small, split="fog", progress=False)
    short = Member("short", ("val", "test"), lambda split: np.zeros((3, 3), dtype=np.float32))
    with pytest.raises(ValueError, match="has logits of 3 images, 'test' has 8"):
        sw.diversity.pair(models[0], short, small, "test")
    blind = Member("blind", ("test",), models[0].load)
    with pytest.raises(ValueError, match="'blind' has no logits on 'val'"):
        sw.diversity.pair(models[0], blind, small, "test")


@pytest.mark.parametrize(
    ("first", "second", "level"),
    [
        ({"ancestor": "x", "hyper-parameters": "1"}, {"ancestor": "x", "hyper-parameters": "2"}, "siblings"),
        ({"ancestor": "x", "hyper-parameters": "1"}, {"ancestor": "y", "hyper-parameters": "1"}, "reinit"),
        ({"reinit": "0"}, {"reinit": "1"}, "reinit"),
        ({"hyper-parameters": "1", "reinit": "0"}, {"hyper-parameters": "2", "reinit": "1"}, "hyper-parameters"),
        ({"architecture": "a", "hyper-parameters": "1"}, {"architecture": "b"}, "architecture"),
        ({"architecture": "a", "framework": "f"}, {"architecture": "b", "framework": "g"}, "framework"),
        ({"framework": "f", "data set": "d"}, {"framework": "g", "data set": "e"}, "data set"),
        ({"ancestor": "x"}, {"framework": "g"}, "framework"),
        ({}, {}, "siblings"),
    ],
)
def test_levels_of_divergence(first: dict[str, str], second: dict[str, str], level: str) -> None:
    assert sw.diversity.divergence(first, second) == sw.diversity.divergence(second, first) == level


def test_a_trend_that_is_there_is_found_and_chance_is_not(small: Suite) -> None:
    def pair(a: str, b: str, level: str, inconsistency: float) -> sw.diversity.PairDiversity:
        share = round(1000 * inconsistency)
        zero = sw.stats.Estimate(inconsistency / 2, 0, 0)
        return sw.diversity.PairDiversity(
            a, b, "test", 1000, level, (0.5, 0.5), 0, share, 0, 1, zero, 0.5, 0, zero, zero
        )

    names = [f"m{i}" for i in range(10)]
    rng = np.random.default_rng(0)
    levels = {}
    for i in range(10):
        for j in range(i + 1, 10):
            levels[names[i], names[j]] = "reinit" if i % 2 == j % 2 else "architecture"
    apart = {"reinit": 0.1, "architecture": 0.3}
    there = [pair(*ab, level, apart[level] + 0.02 * rng.random()) for ab, level in levels.items()]
    trend = sw.diversity.divergence_trend(
        sw.diversity.DiversityMatrix(tuple(names), "test", tuple(there), len(there)), 500
    )
    assert trend.levels == ("reinit", "architecture")
    assert trend.pairs == {"reinit": 20, "architecture": 25}
    assert trend.inconsistency["architecture"] > trend.inconsistency["reinit"] + 0.15
    assert (trend.rank_correlation > 0.8, trend.p_value < 0.05) == (True, True)
    chance = [pair(*ab, level, 0.1 + 0.1 * rng.random()) for ab, level in levels.items()]
    none = sw.diversity.divergence_trend(
        sw.diversity.DiversityMatrix(tuple(names), "test", tuple(chance), len(chance)), 500
    )
    assert none.p_value > 0.05
    one = [p for p in there if p.divergence == "reinit"]
    with pytest.raises(ValueError, match="all pairs have the same level of divergence"):
        sw.diversity.divergence_trend(sw.diversity.DiversityMatrix(tuple(names), "test", tuple(one), len(one)))


def test_specialists_by_class_and_by_image(small: Suite) -> None:
    # a knows cats, b knows dogs, nobody eels.
    a = saying("a", [0, 0, 0, 0, 0, 0, 0, 0], sure=4, val=[0, 1, 2, 1])
    b = saying("b", [1, 1, 1, 1, 1, 1, 1, 1], sure=4, val=[0, 1, 2, 1])
    found = sw.diversity.class_specialists(a, b, small, "test")
    assert [one.name for one in found] == ["cat", "eel", "dog"]
    assert [one.accuracies for one in found] == [(1, 0), (0, 0), (0, 1)]
    assert [one.images for one in found] == [3, 2, 3]
    assert all(one.q_value >= one.test.p_value for one in found)
    angles = sw.diversity.specialisation(a, b, small, "test")
    assert np.abs(angles.angles).max() < 1e-6
    assert angles.right[:, 0].tolist() == [label == 0 for label in LABELS["test"]]
    unsure = Member("u", ("val", "test"), lambda split: b.load(split) * (1e-3 if split == "test" else 1))
    turned = sw.diversity.specialisation(a, unsure, small, "test")
    c1, c2 = turned.confidences[0]
    assert c1 > c2 == pytest.approx(1 / 3, abs=1e-2)
    assert turned.angles[0] == pytest.approx(np.arctan2(c1, c2) - np.pi / 4)
    assert turned.angles.min() > 0


def test_helpers_are_chosen_on_validation_alone(small: Suite) -> None:
    # The base has the last validation image wrong; the helper has it right and is sure only there.
    val = np.eye(3, dtype=np.float32)[[0, 1, 2, 1]]
    base = Member(
        "base", ("val", "test"), {"val": val, "test": np.eye(3, dtype=np.float32)[LABELS["test"]]}.__getitem__
    )
    weak = np.zeros((4, 3), dtype=np.float32)
    weak[3] = [9, 0, 0]
    helper = Member("helper", ("val", "test"), {"val": weak, "test": np.ones((8, 3), dtype=np.float32)}.__getitem__)
    useless = saying("useless", LABELS["test"], val=[0, 1, 2, 1])
    steps = sw.diversity.greedy_ensemble(base, [useless, helper], small)
    assert [step.name for step in steps] == ["base", "helper"]
    assert steps[0].evaluation.accuracy["val"] == 0.75
    assert steps[1].evaluation.accuracy["val"] == 1
    assert steps[1].evaluation.accuracy["test"] == 1  # reported
    assert [step.name for step in sw.diversity.greedy_ensemble(base, [useless, helper], small, most=0)] == ["base"]


def test_members_of_a_pool_are_its_evaluations(tiny_evaluator: Evaluator) -> None:
    models = sw.diversity.members(tiny_evaluator, splits=["test"], progress=False)
    assert [one.name for one in models] == ["ft-a", "ft-b", "zero-shot"]
    assert models[0].splits == ("val", "test")
    alone = tiny_evaluator.evaluate(Recipe({"ft-a": 1}), ["test"])
    assert models[0].right(tiny_evaluator.suite.id_test).mean() == alone.accuracy["test"]
    soup = uniform_soup(tiny_evaluator.pool)
    ensemble = sw.diversity.member(logit_ensemble(tiny_evaluator, soup, ["val", "test"]), "ensemble")
    pair = sw.diversity.pair(models[0], ensemble, tiny_evaluator.suite, "test")
    assert pair.accuracies[0] == alone.accuracy["test"]
    before = tiny_evaluator.forward_images
    sw.diversity.members(tiny_evaluator, splits=["test"], progress=False)
    assert tiny_evaluator.forward_images == before


def test_models_of_other_architectures_stand_side_by_side(
    suite: Suite, tmp_path: Path, write_checkpoint: WriteCheckpoint
) -> None:
    wide = Architecture(**{**TINY.to_json(), "embed_dim": 16})
    torch.manual_seed(0)
    for name, architecture in (("one", TINY), ("other", wide)):
        card = {"architecture": architecture.to_json(), "training": {"framework": "none"}}
        folder = write_checkpoint(name, architecture.build().state_dict(), **card).parent
    with pytest.raises(PoolError):
        Pool.open(folder)
    again = tmp_path / "again"
    again.mkdir()
    (again / "one.safetensors").write_bytes((folder / "one.safetensors").read_bytes())
    models = sw.diversity.open_members(
        [folder, again], suite, splits=["test"], store=Store(tmp_path / "s"), progress=False
    )
    assert [one.name for one in models] == ["pool/one", "other", "again/one"]
    pair = sw.diversity.pair(models[0], models[1], suite, "test")
    assert (pair.divergence, pair.images) == ("architecture", len(suite.id_test))
    assert sw.diversity.pair(models[0], models[2], suite, "test").error_inconsistency == 0
    with pytest.raises(PoolError, match="no weight file"):
        sw.diversity.open_members(tmp_path / "s", suite)


LOGITS = np.arange(24, dtype=np.float32).reshape(8, 3)
ORDER = np.array([3, 1, 0, 2, 7, 6, 5, 4])


def _npy(path: Path) -> Path:
    np.save(path.with_suffix(".npy"), LOGITS)
    return path.with_suffix(".npy")


def _npz(path: Path) -> Path:
    np.savez(path.with_suffix(".npz"), logits=LOGITS[ORDER], indices=ORDER)
    return path.with_suffix(".npz")


def _npz_names(path: Path) -> Path:
    np.savez(path.with_suffix(".npz"), logits=LOGITS[ORDER], names=[f"some/where/test_{i}.png" for i in ORDER])
    return path.with_suffix(".npz")


def _pt(path: Path) -> Path:
    torch.save({"logits": torch.from_numpy(LOGITS[ORDER]), "indices": torch.from_numpy(ORDER)}, path.with_suffix(".pt"))
    return path.with_suffix(".pt")


def _safetensors(path: Path) -> Path:
    save_file({"logits": torch.from_numpy(LOGITS)}, path.with_suffix(".safetensors"))
    return path.with_suffix(".safetensors")


def _csv(path: Path) -> Path:
    with open(path.with_suffix(".csv"), "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["dog", "file", "eel", "cat"])  # columns in any order
        for i in ORDER:
            cat, dog, eel = LOGITS[i]
            writer.writerow([dog, f"test_{i}.png", eel, cat])
    return path.with_suffix(".csv")


def _csv_numbers(path: Path) -> Path:
    rows = [["index", "0", "1", "2"], *([i, *LOGITS[i]] for i in ORDER)]
    path.with_suffix(".csv").write_text("\n".join(",".join(map(str, row)) for row in rows))
    return path.with_suffix(".csv")


@pytest.mark.parametrize("write", [_npy, _npz, _npz_names, _pt, _safetensors, _csv, _csv_numbers])
def test_logits_from_elsewhere_come_into_order(write: Callable[[Path], Path], small: Suite, tmp_path: Path) -> None:
    np.testing.assert_array_equal(sw.diversity.read_logits(write(tmp_path / "logits"), small, split="test"), LOGITS)


def _saved(path: Path, **arrays: object) -> Path:
    np.savez(path / "bad.npz", **arrays)  # type: ignore[arg-type]
    return path / "bad.npz"


@pytest.mark.parametrize(
    ("arrays", "why"),
    [
        ({"logits": LOGITS[:7]}, "7 images, 'test' has 8"),
        ({"logits": LOGITS[:, :2]}, "2 classes, 'test' has 3"),
        ({"logits": LOGITS, "indices": [0, 1, 2, 3, 4, 5, 6, 6]}, "twice or more: 6"),
        ({"logits": LOGITS[:7], "indices": [0, 1, 2, 3, 4, 5, 6]}, "1 images of 'test' are missing: 7"),
        ({"logits": LOGITS, "indices": [0, 1, 2, 3, 4, 5, 6, 8]}, "has images 0..7, not 8"),
        ({"logits": LOGITS, "indices": [0, 1]}, "2 indices for 8 rows"),
        ({"logits": LOGITS, "indices": [0.5] * 8}, "whole numbers are needed"),
        ({"logits": LOGITS, "names": [f"test_{i}.png" for i in range(7)] + ["<i>.png"]}, "1 images are not of 'test'"),
        ({"scores": LOGITS}, "no array named 'logits'"),
        ({"logits": np.array(["a"] * 8)}, "expected numbers"),
    ],
)
def test_logits_of_other_images_are_refused(arrays: dict[str, object], why: str, small: Suite, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=why):
        sw.diversity.read_logits(_saved(tmp_path, **arrays), small, split="test")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("index,cat,dog\n0,1,2", "no column for class '0'"),
        ("cat,dog,eel\n1,2,3", "one column 'index' or 'file'"),
        ("index,cat,dog,eel,<b>\n0,1,2,3,4", "column '<b>' is not a class of the suite"),
        ("index,cat,dog,eel\n0,1,2", "line 2: 3 cells"),
        ("index,cat,dog,eel\n0,1,2,x", "line 2: a logit is not a number"),
        ("index,cat,dog,eel\nx,1,2,3", "an index is not a whole number"),
        ("index,cat,dog,eel", "a row for each image"),
    ],
)
def test_tables_that_are_none(text: str, why: str, small: Suite, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=why):
        sw.diversity.read_logits(path, small, split="test")


def test_hostile_and_foreign_files_are_refused(small: Suite, tmp_path: Path) -> None:
    np.save(tmp_path / "objects.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match="pickled objects"):
        sw.diversity.read_logits(tmp_path / "objects.npy", small, split="test")
    (tmp_path / "x.npz").write_bytes(b"PK\x03\x04 no archive")
    with pytest.raises(ValueError, match="not a readable archive"):
        sw.diversity.read_logits(tmp_path / "x.npz", small, split="test")
    with pytest.raises(ValueError, match="logits are read from"):
        sw.diversity.read_logits(tmp_path / "x.xlsx", small, split="test")
    with pytest.raises(KeyError, match="no split 'fog'"):
        sw.diversity.read_logits(_npy(tmp_path / "l"), small, split="fog")
    with pytest.raises(ValueError, match="'m' has no file of logits"):
        sw.diversity.import_member("m", {}, suite=small)
    unnamed = Split("test", "id_test", Source(small.id_test.source.images, small.id_test.source.labels))
    nameless = Suite("small", CLASSES, {"val": small.validation, "test": unnamed})
    with pytest.raises(ValueError, match="does not know what the images"):
        sw.diversity.read_logits(_npz_names(tmp_path / "n"), nameless, split="test")


def test_an_imported_model_is_a_member(small: Suite, tmp_path: Path) -> None:
    np.save(tmp_path / "val.npy", LOGITS[:4])
    one = sw.diversity.import_member("mine", {"val": tmp_path / "val.npy", "test": _npz(tmp_path / "t")}, suite=small)
    pair = sw.diversity.pair(one, saying("b", LABELS["test"]), small, "test")
    assert pair.accuracies == (sum(label == 2 for label in LABELS["test"]) / 8, 1)


def test_helpers_are_chosen_by_what_the_validation_split_reports(tmp_path: Path) -> None:
    """Macro-F1 by hand, where the share of right images takes the other helper."""
    labels = np.repeat([0, 1], [90, 10])
    for name in ("val", "test"):
        np.save(
            tmp_path / f"{name}.images.npy", np.arange(100 * 64, dtype=np.uint16).astype(np.uint8).reshape(-1, 8, 8)
        )
        np.save(tmp_path / f"{name}.labels.npy", labels)
    splits = [
        {"name": name, "role": role, "images": f"{name}.images.npy", "labels": f"{name}.labels.npy", "metric": metric}
        for name, role, metric in (("val", "validation", "macro_f1"), ("test", "id_test", "accuracy"))
    ]
    (tmp_path / "suite.json").write_text(json.dumps({"name": "two", "classes": ["cat", "dog"], "splits": splits}))
    suite = Suite.open(tmp_path)

    def saying(name: str, dogs: list[int], unsure: list[int]) -> Member:
        logits = np.eye(2, dtype=np.float32)[np.isin(np.arange(100), dogs).astype(int)]
        logits[unsure] *= 0.01
        return Member(name, ("val", "test"), lambda split: logits)

    # All cats but 10 dogs that are cats: 80 right, F1 (160/180 + 0) / 2.
    base = saying("base", list(range(10)), list(range(20)) + list(range(90, 100)))
    # Puts the 10 cats right: 90 right, F1 (180/190 + 0) / 2.
    cats = saying("cats", [], [])
    # Finds 8 dogs, and takes 2 more cats for them: 86 right, F1 (156/170 + 16/30) / 2.
    dogs = saying("dogs", [*range(12), *range(90, 98)], [])
    steps = sw.diversity.greedy_ensemble(base, [cats, dogs], suite, most=1)
    assert [step.name for step in steps] == ["base", "dogs"]
    assert [step.metric for step in steps] == ["macro_f1"] * 2
    by_hand = [(160 / 180 + 0) / 2, (156 / 170 + 16 / 30) / 2]
    assert [step.alone for step in steps] == pytest.approx(by_hand)
    assert [step.evaluation["val"].accuracy for step in steps] == pytest.approx(by_hand)
    assert repr(steps[1]) == f"HelperStep('dogs': validation macro-F1 {by_hand[1]:.2%} alone)"
    drawn = sw.diversity.figures.helpers(steps, "val", "test").to_plotly_json()
    assert [trace["name"] for trace in drawn["data"] if "name" in trace] == [
        "val (macro-F1, chose)", "test (accuracy, reported)", "the joining model alone (macro-F1, validation)",
    ]  # fmt: skip
    assert drawn["layout"]["yaxis"]["title"]["text"] == "Score, % (95% intervals)"
