"""Each planted fault is named, and no healthy pool is accused."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import soupwidgets as sw
from soupwidgets import Evaluator, Pool, Store, Suite
from soupwidgets.topics.diagnosis import Diagnosis, diagnose, stream_diagnosis, weight_facts
from soupwidgets.topics.diagnosis.measured import Answers, barrier_margin, harmful
from soupwidgets.topics.diagnosis.relations import _centred, relations
from tests.command import run
from tests.fixtures import ROOT, WriteCheckpoint
from tests.topics.diagnosis.planted import (
    FASHION,
    FOUR,
    RESNET,
    Weights,
    fresh_statistics,
    inflated,
    noisy,
    planted_pool,
    random,
    reordered,
    weights,
)

HEAD = "head.weight"


def near_the_start(own: Weights) -> Weights:
    """A hundredth of the way from the zero-shot model."""
    start, _ = weights(FASHION / "zero-shot.safetensors")
    return {name: start[name] + 0.01 * (one - start[name]) for name, one in own.items()}


FAULTS: dict[str, tuple[str, Callable[[Weights], Weights], dict[str, Any]]] = {
    "one NaN": ("not finite", lambda own: {**own, HEAD: own[HEAD].index_fill(0, torch.tensor(3), math.nan)}, {}),
    "a copy": ("same twice", lambda own: own, {}),
    "reordered units": ("permuted twin", reordered, {}),
    "two classes changed places": (
        "class order", lambda own: {**own, HEAD: own[HEAD][[1, 0, *range(2, 10)]]}, {},
    ),
    "a new head": (
        "other head", lambda own: {**own, HEAD: torch.randn(own[HEAD].shape, generator=random())}, {},
    ),
    "four steps instead of one": (
        "too far",
        lambda own: {name: 4 * one - 3 * weights(FASHION / "zero-shot.safetensors")[0][name]
                     for name, one in own.items()},
        {},
    ),
    "bfloat16": ("rounding", near_the_start, {"dtype": torch.bfloat16}),
    "a loud head": ("confidence", lambda own: {**own, HEAD: 2.5 * own[HEAD]}, {}),
    "a quiet head": ("confidence", lambda own: {**own, HEAD: 0.35 * own[HEAD]}, {}),
    "noise": ("worse than its start", lambda own: noisy(own, 0.6), {"beside": ("zero-shot", "ft-03")}),
    "another valley": ("barrier", lambda own: noisy(reordered(own), 0.05), {"beside": ("zero-shot", "ft-03")}),
    "statistics of a new layer": (
        "batch normalisation", fresh_statistics,
        {"source": RESNET, "of": "ft-01", "beside": ("start", "ft-00", "ft-01", "ft-02")},
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_named_and_nobody_else(
    fault: str, tmp_path: Path, small_suite: Suite, zoo_store: Store
) -> None:
    kind, change, options = FAULTS[fault]
    pool = planted_pool(tmp_path, change, **options)
    found = diagnose(Evaluator(pool, small_suite, device="cpu", store=zoo_store), progress=False)
    assert [(one.kind, one.members) for one in found.findings] == [(kind, ("planted",))]
    assert found.sentence.startswith(found.findings[0].sentence)
    assert found.findings[0].sentence.startswith("planted ")
    assert found.sound == [name for name in pool if name != "planted"]
    assert "(planted)" not in found.sentence
    assert not found.healthy


@pytest.mark.parametrize("pool", ["fashion", "fashion-b", "resnet", "text"])
def test_no_healthy_pool_is_accused(pool: str, small_suite: Suite, zoo_store: Store) -> None:
    opened = Pool.open(ROOT / "data" / "zoo" / pool)
    suite = Suite.open(ROOT / "data" / "suites" / "text") if pool == "text" else small_suite
    ev = Evaluator(opened, suite, device="cpu", store=zoo_store)
    sound = [opened.zero_shot, *opened.fine_tuned]
    assert diagnose(ev, sound, progress=False).findings == ()
    # Those that were made to be bad are, and only they.
    whole = diagnose(ev, progress=False)
    assert {name for one in whole.findings for name in one.members} == set(opened.bad_ingredients)


def test_independent_networks_are_from_another_start(small_suite: Suite, zoo_store: Store) -> None:
    """Two ResNets that were trained from scratch: aligning them helps, but does not make them siblings."""
    ev = Evaluator(Pool.open(RESNET), small_suite, device="cpu", store=zoo_store)
    found = diagnose(ev, ["start", "ft-00", "ft-01", "scratch-a"], progress=False)
    assert [(one.kind, one.members) for one in found.findings] == [("other start", ("scratch-a",))]
    assert abs(found.findings[0].numbers["cosine"]) < 0.1


def test_a_reordered_resnet_is_told_by_aligning_it(tmp_path: Path, small_suite: Suite, zoo_store: Store) -> None:
    """A sibling whose units were shuffled has no equal numbers in the pool: weight matching finds what it is."""
    from soupwidgets.methods.alignment.families import find_groups

    source = Pool.open(RESNET).checkpoints["ft-02"]
    groups = find_groups(source.tensors)
    seeded = random()
    orders = {group: torch.randperm(size, generator=seeded) for group, size in groups.sizes.items()}

    def shuffled(own: Weights) -> Weights:
        return {name: groups.permuted(name, one, orders) for name, one in own.items()}

    pool = planted_pool(tmp_path, shuffled, source=RESNET, of="ft-02", beside=("start", "ft-00", "ft-01"))
    found = diagnose(Evaluator(pool, small_suite, device="cpu", store=zoo_store), progress=False)
    assert [(one.kind, one.members) for one in found.findings] == [("permuted twin", ("planted",))]
    assert "reordered" in found.findings[0].evidence


def test_statistics_that_cannot_be_averaged(tmp_path: Path, small_suite: Suite, zoo_store: Store) -> None:
    """Only where they are averaged; measured again they do no harm."""
    pool = planted_pool(
        tmp_path, inflated, source=RESNET, of="ft-01", beside=("start", "ft-01"), dtype=torch.float32
    )  # fmt: skip
    averaged = Evaluator(pool, small_suite, device="cpu", store=zoo_store, batch_norm="average")
    found = diagnose(averaged, progress=False)
    assert [one.kind for one in found.findings] == ["batch normalisation"]
    assert "measured again" in found.findings[0].evidence
    assert found.findings[0].numbers["recomputed"] > found.findings[0].numbers["averaged"] + 0.02
    assert diagnose(averaged.with_batch_norm("recompute"), progress=False).healthy


def answered(right: np.ndarray) -> Answers:
    return Answers(float(right.mean()), (0.0, 1.0), right, None)


def test_harm_is_more_than_chance(tiny_evaluator: Evaluator) -> None:
    """By hand: 20 images that only the soup without a member gets right, and none the other way: p = 2 / 2**20."""
    soup = np.arange(400) >= 100
    without = {"harms": answered(np.arange(400) >= 80), "luck": answered(np.arange(400) >= 98), "helps": answered(soup)}
    found = list(harmful(tiny_evaluator, answered(soup), without))
    assert [one.members for one in found] == [("harms",)]
    # Three tests: Benjamini and Hochberg multiply the smallest p-value by three.
    assert found[0].numbers["p"] == pytest.approx(3 * 2 / 2**20)
    assert found[0].numbers["without"] == 0.8


def test_the_interval_of_a_barrier_is_that_of_a_paired_mean() -> None:
    from scipy import stats

    drawn = np.random.default_rng(0).random((3, 300)) < 0.8
    first, second, middle = map(answered, drawn)
    lost = (drawn[0] + drawn[1].astype(float)) / 2 - drawn[2]
    low, high = stats.norm.interval(0.95, loc=lost.mean(), scale=stats.sem(lost))
    assert barrier_margin(first, second, middle) == pytest.approx((high - low) / 2)


def test_only_validation_images_are_looked_at(small_evaluator: Evaluator, tmp_path: Path) -> None:
    ev = small_evaluator.with_store(Store(tmp_path))
    diagnose(ev, ["zero-shot", "ft-00", "ft-03"], progress=False)
    assert ev.measured("val")
    assert not [name for name in ev.suite.splits if name != "val" and ev.measured(name)]


def test_the_heights_are_those_of_the_landscape(small_evaluator: Evaluator) -> None:
    found = diagnose(small_evaluator, ["zero-shot", *FOUR[1:]], progress=False)
    scores = found.alone
    assert found.best == max(FOUR[1:], key=lambda name: scores[name])
    for name in set(found.names) - {found.best}:
        line = sw.landscape.barrier(small_evaluator, name, found.best, alphas=3)
        middle = line.errors[0.5] - (line.errors[0.0] + line.errors[1.0]) / 2
        assert found.barriers[name] == pytest.approx(middle)


def test_the_origin_is_nobodys_copy(tmp_path: Path, small_suite: Suite, zoo_store: Store) -> None:
    """Whichever comes first in the pool."""
    planted_pool(tmp_path, lambda own: own, of="zero-shot", beside=("ft-00", "ft-03"))
    pool = Pool.open([tmp_path / "planted.safetensors", *(FASHION / f"{n}.safetensors" for n in FOUR[:3])])
    found = diagnose(
        Evaluator(pool, small_suite, device="cpu", store=zoo_store), (*FOUR[:3], "planted"), progress=False
    )
    assert [(one.kind, one.members) for one in found.findings] == [("same twice", ("planted",))]


def test_a_head_that_tells_nothing_accuses_nobody() -> None:
    """One output has no difference between classes, and a head that begins at zero no direction."""
    assert _centred(None) is None
    assert _centred(np.array([[1.0, 2.0]])) is None
    assert _centred(np.zeros((10, 3))) is None
    assert np.linalg.norm(_centred(np.eye(3))) == pytest.approx(1)


def test_linear_probes_have_no_start_to_differ_in(write_checkpoint: WriteCheckpoint) -> None:
    seeded = random()
    for name in ("a", "b", "c"):
        path = write_checkpoint(name, {"fc.weight": torch.randn(4, 8, generator=seeded), "fc.bias": torch.zeros(4)})
    facts = weight_facts(Pool.open(path.parent), ["a", "b", "c"])
    assert not [one for one in relations(Pool.open(path.parent), facts) if one.kind != "other head"]
    assert set(facts.distance.values()) == {0.0}


def test_it_goes_on_as_it_finds(small_evaluator: Evaluator) -> None:
    """What the files tell comes before any measurement, and nothing that was found is taken back."""
    states = list(stream_diagnosis(small_evaluator, ["zero-shot", "ft-00", "ft-03", "bad-lr", "other-seed"]))
    assert [one.kind for one in states[2].findings] == ["other start", "too far"]
    assert not states[2].alone
    assert [one.steps for one in states] == sorted(one.steps for one in states)
    for earlier, later in pairwise(states):
        assert later.findings[: len(earlier.findings)] == earlier.findings
    assert states[-1].done
    assert not any(one.done for one in states[:-1])
    assert states[0].sentence.startswith("Looking: 0 of ")


def test_plain_values(small_evaluator: Evaluator) -> None:
    found = diagnose(small_evaluator, ["zero-shot", "ft-00", "ft-03", "other-seed"], progress=False)
    told = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert told["findings"][0]["kind"] == "other start"
    assert told["sound"] == ["zero-shot", "ft-00", "ft-03"]
    table = found.to_frame().set_index("checkpoint")
    assert table.loc["other-seed", "finding"] == "other start"
    assert table.loc["ft-00", "finding"] == ""
    assert str(found).startswith("other-seed is from another start")


def test_other_tasks_are_diagnosed_too(tiny_evaluator: Evaluator) -> None:
    """Scores alone, where answers are not right or wrong."""
    ev = tiny_evaluator.with_suite(tiny_evaluator.suite.scored_by("balanced_accuracy"))
    found = diagnose(ev, progress=False)
    assert isinstance(found, Diagnosis)
    assert found.done
    assert found.metric == "balanced_accuracy"


def test_too_few(small_evaluator: Evaluator) -> None:
    with pytest.raises(ValueError, match="at least two ingredients, got 1"):
        diagnose(small_evaluator, ["ft-00"], progress=False)
    with pytest.raises(sw.PoolError, match="ft-99"):
        diagnose(small_evaluator, ["ft-00", "ft-99"], progress=False)


def test_the_command(small_folder: Path, tmp_path: Path) -> None:
    options = ["--pool", str(FASHION), "--suite", str(small_folder), "--store", str(tmp_path), "--checkpoints"]
    done = run("diagnose", *options, "zero-shot", "ft-00", "ft-03", "other-seed")
    assert done.returncode == 1
    assert done.stdout.startswith("other-seed is from another start")
    healthy = run("diagnose", "--json", "-", *options, "zero-shot", "ft-00", "ft-03")
    assert healthy.returncode == 0, healthy.stderr
    assert json.loads(healthy.stdout)["healthy"] is True
