"""What a run was started from is part of it: nothing goes on, or stands beside others, as what it is not."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from soupwidgets import CheckpointFile, Pool, SoupWarning, Suite
from soupwidgets.checkpoints import CARD_KEY, write_checkpoint
from soupwidgets.suites import augmentation
from soupwidgets.training import (
    Hyperparameters,
    LabelNoise,
    Plan,
    TrainingError,
    fine_tune,
    fit_curve,
    loop,
    random_search,
    run_study,
)
from tests.fixtures import TINY

SETTINGS = Hyperparameters(seed=5, learning_rate=1e-3, epochs=2, weight_decay=0.0, crop=1.0, flip=0.0, batch_size=64)
FIXED = {"learning_rate": 1e-3, "epochs": 1, "batch_size": 64, "images": 64, "randaugment_operations": 0, "crop": 1.0}


def begin(folder: Path, seed: int) -> CheckpointFile:
    torch.manual_seed(seed)
    path = folder / f"start-{seed}.safetensors"
    card = {"name": "zero-shot", "role": "zero_shot", "architecture": TINY.to_json()}
    write_checkpoint(path, dict(TINY.build().state_dict()), card)
    return CheckpointFile(path)


@pytest.fixture
def start(tmp_path: Path) -> CheckpointFile:
    return begin(tmp_path, 0)


@pytest.fixture
def other_images(small_folder: Path, tmp_path: Path) -> Suite:
    """The small suite with one other training image."""
    for file in small_folder.iterdir():
        (tmp_path / "other" / file.name).parent.mkdir(exist_ok=True)
        (tmp_path / "other" / file.name).write_bytes(file.read_bytes())
    images = np.load(tmp_path / "other" / "train.images.npy")
    images[0, 0, 0] ^= 1
    np.save(tmp_path / "other" / "train.images.npy", images)
    return Suite.open(tmp_path / "other")


class Killed(Exception):  # noqa: N818
    pass


def kill(_what: str, done: int, _steps: int, _loss: float) -> None:
    if done == 6:
        raise Killed


@pytest.fixture
def killed(start: CheckpointFile, small_suite: Suite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The state of a run of `SETTINGS` that was killed half-way."""
    from soupwidgets.training import curves, finetune

    original = loop.train
    for module in (finetune, curves):
        monkeypatch.setattr(module, "train", lambda *a, **k: original(*a, **{**k, "save_every": 3}))
    state = tmp_path / "state.pt"
    with pytest.raises(Killed):
        fine_tune(start, small_suite, settings=SETTINGS, target=tmp_path / "x.safetensors", progress=kill, state=state)
    assert state.exists()
    return state


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"settings": replace(SETTINGS, learning_rate=3e-4)}, "learning_rate 0.001 there, 0.0003 now"),
        ({"settings": replace(SETTINGS, mode="lp-ft")}, "mode 'end-to-end' there, 'lp-ft' now"),
        ({"settings": replace(SETTINGS, images=300)}, "images none there, 300 now"),
        ({"start": 1}, "started from [0-9a-f]{12}... there, [0-9a-f]{12}... now"),
        ({"suite": None}, "training images [0-9a-f]{12}... there, [0-9a-f]{12}... now"),
        ({"fresh": True}, "started from [0-9a-f]{12}... there, none now"),
        ({"augmentation": augmentation("rotate")}, "augmentation none there, 'rotate' now"),
        ({"noise": LabelNoise(0.2)}, "label noise none there, another now"),
        ({"watch": 20}, "watched none there, another now"),
        ({"snapshots": Path("snapshots")}, "snapshots none there"),
    ],
)
def test_a_state_goes_on_only_as_the_run_that_it_is(
    changed: dict[str, Any],
    why: str,
    killed: Path,
    start: CheckpointFile,
    small_suite: Suite,
    other_images: Suite,
    tmp_path: Path,
) -> None:
    before = killed.read_bytes()
    given: dict[str, Any] = {"start": start, "suite": small_suite, "settings": SETTINGS, **changed}
    if "start" in changed:
        given["start"] = begin(tmp_path, 1)
    if "suite" in changed:
        given["suite"] = other_images
    if "snapshots" in changed:
        given["snapshots"] = tmp_path / "snapshots"
    with pytest.raises(
        TrainingError, match=f"state.pt belongs to a run that was started differently .*{why}.*delete it"
    ):
        fine_tune(target=tmp_path / "x.safetensors", state=killed, **given)
    assert killed.read_bytes() == before
    assert not (tmp_path / "x.safetensors").exists()
    # Unchanged it goes on.
    steps: list[int] = []
    fine_tune(start, small_suite, settings=SETTINGS, target=tmp_path / "x.safetensors", state=killed,
              progress=lambda _w, done, _s, _l: steps.append(done))  # fmt: skip
    assert steps[0] == 4
    assert not killed.exists()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda content: {**{k: v for k, v in content.items() if k != "identity"}, "settings": repr(SETTINGS)},
        lambda content: {**content, "identity": "{"},
        lambda content: {k: v for k, v in content.items() if k != "optimizer"},
        lambda content: {**content, "model": {"head.weight": torch.zeros(3)}},
        lambda _content: ["no dictionary"],
    ],
)
def test_a_state_of_before_or_a_damaged_one_is_no_state(
    spoil: Callable[[dict[str, Any]], Any], killed: Path, start: CheckpointFile, small_suite: Suite, tmp_path: Path
) -> None:
    torch.save(spoil(torch.load(killed, weights_only=True)), killed)
    with pytest.raises(TrainingError, match=r"state\.pt.*delete it to start again"):
        fine_tune(start, small_suite, settings=SETTINGS, target=tmp_path / "x.safetensors", state=killed)
    killed.write_bytes(killed.read_bytes()[:100])
    with pytest.raises(TrainingError, match="cannot be read as a saved state"):
        fine_tune(start, small_suite, settings=SETTINGS, target=tmp_path / "x.safetensors", state=killed)


def test_snapshots_of_two_runs_make_no_trajectory(start: CheckpointFile, small_suite: Suite, tmp_path: Path) -> None:
    def train(settings: Hyperparameters) -> None:
        fine_tune(start, small_suite, settings=settings, target=tmp_path / "a.safetensors", snapshots=tmp_path / "s")

    train(SETTINGS)
    train(SETTINGS)
    with pytest.raises(TrainingError, match=r"a-epoch-01.safetensors is another run .epochs 2 there, 1 now"):
        train(replace(SETTINGS, epochs=1))


def test_a_search_stays_with_its_ancestor(
    start: CheckpointFile, small_suite: Suite, other_images: Suite, tmp_path: Path
) -> None:
    folder = tmp_path / "pool"
    made = random_search(start, small_suite, folder=folder, runs=1, fixed=FIXED, progress=False)
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}

    def again(begins: CheckpointFile = start, suite: Suite = small_suite, **fixed: object) -> None:
        random_search(begins, suite, folder=folder, runs=2, fixed={**FIXED, **fixed}, progress=False)

    with pytest.raises(TrainingError, match=r"zero-shot.safetensors is another model .*use another folder"):
        again(begin(tmp_path, 1))
    with pytest.raises(TrainingError, match=r"ft-00.safetensors is another run .learning_rate 0.001 there, 0.002 now"):
        again(learning_rate=2e-3)
    with pytest.raises(TrainingError, match=r"ft-00.safetensors is another run .training images"):
        again(suite=other_images)
    # Without the ancestor's file its models tell of it, whatever they are called.
    (folder / "zero-shot.safetensors").rename(tmp_path / "away")
    made[1].rename(folder / "mine.safetensors")
    with pytest.raises(TrainingError, match=r"mine.safetensors was started from [0-9a-f]{12}.*use another folder"):
        again(begin(tmp_path, 1))
    (tmp_path / "away").rename(folder / "zero-shot.safetensors")
    (folder / "mine.safetensors").rename(made[1])
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before
    again()
    assert Pool.open(folder).fine_tuned == ["ft-00", "ft-01"]


def test_what_does_not_say_what_it_is_is_not_taken_for_it(
    start: CheckpointFile, small_suite: Suite, tmp_path: Path
) -> None:
    folder = tmp_path / "pool"
    made = random_search(start, small_suite, folder=folder, runs=1, fixed=FIXED, progress=False)[1]
    file = CheckpointFile(made)
    card = json.loads(file.metadata[CARD_KEY])
    assert card["training_images"] == small_suite.training.content_hash  # type: ignore[union-attr]
    weights = dict(file.read())
    # As cards were before.
    write_checkpoint(made, weights, {k: v for k, v in card.items() if k != "training_images"})
    with pytest.warns(
        SoupWarning, match=r"ft-00.safetensors is from a version that did not record its training images"
    ):
        random_search(start, small_suite, folder=folder, runs=1, fixed=FIXED, progress=False)
    with pytest.raises(TrainingError, match="epochs 1 there, 2 now"):
        random_search(start, small_suite, folder=folder, runs=1, fixed={**FIXED, "epochs": 2}, progress=False)
    # As files from elsewhere are.
    write_checkpoint(made, weights, {k: v for k, v in card.items() if k != "started_from"})
    with pytest.raises(TrainingError, match="does not say what it was started from"):
        random_search(start, small_suite, folder=folder, runs=1, fixed=FIXED, progress=False)
    made.write_bytes(b"no checkpoint")
    with pytest.raises(TrainingError, match=r"ft-00.safetensors: cannot be read"):
        random_search(start, small_suite, folder=folder, runs=1, fixed=FIXED, progress=False)


def test_a_study_is_of_its_images(
    start: CheckpointFile, small_suite: Suite, small_folder: Path, other_images: Suite, tmp_path: Path
) -> None:
    def study(suite: Suite, watch: int = 10) -> None:
        run_study(
            [Plan("a", replace(SETTINGS, epochs=1))],
            start,
            suite=suite,
            suite_folder=small_folder,
            folder=tmp_path / "runs",
            watch=watch,
            workers=1,
            progress=False,
            tell=lambda _: None,
        )

    study(small_suite)
    with pytest.raises(TrainingError, match="training images"):
        study(other_images)
    with pytest.raises(TrainingError, match="images 10 there, 11 now"):
        study(small_suite, 11)


def test_a_curve_goes_on_only_between_its_ends(
    killed: Path, tiny_pool: Pool, small_suite: Suite, tmp_path: Path
) -> None:
    def fit(kind: Any, progress: Any = lambda *_: None) -> None:
        fit_curve(
            tiny_pool,
            small_suite,
            first="ft-a",
            second="ft-b",
            path=tmp_path / "bend.safetensors",
            kind=kind,
            settings=SETTINGS,
            progress=progress,
            state=killed,
        )

    with pytest.raises(TrainingError, match=r"started differently .curve none there, another now"):
        fit("bezier")
    killed.unlink()
    with pytest.raises(Killed):
        fit("bezier", lambda done, steps, loss: kill("", done, steps, loss))
    with pytest.raises(TrainingError, match="kind 'bezier' there, 'polygon' now"):
        fit("polygon")
    fit("bezier")
