"""Studies: resumed after a kill, checked against other plans, the same in one process and in two."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from soupwidgets import Suite
from soupwidgets.checkpoints import CheckpointFile, write_checkpoint
from soupwidgets.suites import Augmentation, augmentation
from soupwidgets.training import Hyperparameters, LabelNoise, Plan, estimate_seconds, fine_tune, run_study
from tests.fixtures import TINY

SETTINGS = Hyperparameters(
    seed=5, learning_rate=1e-3, epochs=3, weight_decay=0.0, crop=1.0, flip=0.0, batch_size=64, images=256
)


@pytest.fixture
def start(tmp_path: Path) -> CheckpointFile:
    torch.manual_seed(0)
    card = {"name": "zero-shot", "role": "zero_shot", "architecture": TINY.to_json()}
    path = tmp_path / "zero-shot.safetensors"
    write_checkpoint(path, dict(TINY.build().state_dict()), card)
    return CheckpointFile(path)


def weights(path: Path) -> dict[str, torch.Tensor]:
    return dict(CheckpointFile(path).read())


class Killed(BaseException):
    pass


@pytest.mark.slow
def test_a_killed_run_goes_on_with_its_history(start: CheckpointFile, small_suite: Suite, tmp_path: Path) -> None:
    noise = LabelNoise(0.2, 0.5)
    settings = replace(SETTINGS, epochs=60)

    def train(target: str, dies_at: int | None) -> Path:
        def progress(_what: str, done: int, _steps: int, _loss: float) -> None:
            if done == dies_at:
                raise Killed

        return fine_tune(
            start,
            small_suite,
            settings=settings,
            target=tmp_path / target,
            progress=progress,
            state=tmp_path / "state.pt",
            augmentation=augmentation("rotate"),
            noise=noise,
            watch=64,
            fresh=True,
        )

    whole = train("whole.safetensors", None)
    with pytest.raises(Killed):
        train("x.safetensors", 222)
    assert (tmp_path / "state.pt").exists()
    resumed = train("x.safetensors", None)
    expected, found = weights(whole), weights(resumed)
    assert all(torch.equal(expected[name], found[name]) for name in expected)
    histories = [json.loads(CheckpointFile(p).metadata["soupwidgets"])["history"] for p in (whole, resumed)]
    assert histories[0] == histories[1]
    assert len(histories[0]) == 60
    assert set(histories[0][0]) == {
        "loss", "accuracy", "validation accuracy", "validation loss", "noisy validation loss", "followed",
    }  # fmt: skip


def test_what_is_watched_changes_nothing(start: CheckpointFile, small_suite: Suite, tmp_path: Path) -> None:
    seen, unseen = (
        fine_tune(start, small_suite, settings=SETTINGS, target=tmp_path / f"{n}.safetensors", watch=n)
        for n in (100, 0)
    )
    assert all(torch.equal(a, b) for a, b in zip(weights(seen).values(), weights(unseen).values(), strict=True))


def test_the_history_is_what_the_model_does(
    start: CheckpointFile, small_suite: Suite, small_folder: Path, tmp_path: Path
) -> None:
    (run,) = run_study(
        [Plan("a", SETTINGS, noise=LabelNoise(0.3))],
        start,
        suite=small_suite,
        suite_folder=small_folder,
        folder=tmp_path / "runs",
        watch=100,
        workers=1,
        progress=False,
        tell=lambda _: None,
    )
    model = TINY.build()
    model.load_state_dict(weights(run.path))
    images = torch.from_numpy(small_suite.validation.images[:100].astype(np.float32)) / 255
    with torch.inference_mode():
        logits = model(((images - 0.286) / 0.353)[:, None].expand(-1, 3, -1, -1))
    labels = torch.from_numpy(small_suite.validation.labels[:100])
    assert run.curve("validation accuracy")[-1] == pytest.approx(float((logits.argmax(1) == labels).float().mean()))
    assert run.curve("validation loss")[-1] == pytest.approx(
        float(torch.nn.functional.cross_entropy(logits, labels)), rel=1e-5
    )
    with pytest.raises(KeyError, match="has no 'temperature'; it has accuracy, followed"):
        run.curve("temperature")


@pytest.mark.slow
def test_two_processes_find_what_one_does(
    start: CheckpointFile, small_suite: Suite, small_folder: Path, tmp_path: Path
) -> None:
    plans = [Plan("flip", SETTINGS, augmentation("flip")), Plan("mixup", SETTINGS, augmentation("mixup", 0.5))]
    said: list[str] = []
    told = run_study(
        plans,
        start,
        suite=small_suite,
        suite_folder=small_folder,
        folder=tmp_path / "two",
        watch=50,
        workers=2,
        progress=False,
        tell=said.append,
    )
    assert said[0].startswith("2 of 2 trainings to do: about ")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    one = run_study(
        plans,
        start,
        suite=small_suite,
        suite_folder=small_folder,
        folder=tmp_path / "one",
        watch=50,
        workers=1,
        progress=False,
        tell=said.append,
    )
    torch.set_num_threads(threads)
    assert [run.history for run in told] == [run.history for run in one]
    # What is there is not done again.
    before = [run.path.stat().st_mtime_ns for run in told]
    again = run_study(
        plans,
        start,
        suite=small_suite,
        suite_folder=small_folder,
        folder=tmp_path / "two",
        watch=50,
        progress=False,
        tell=said.append,
    )
    assert [run.path.stat().st_mtime_ns for run in again] == before
    assert len(said) == 2


@pytest.mark.slow
def test_an_error_in_a_process_keeps_what_is_done(
    start: CheckpointFile, small_suite: Suite, small_folder: Path, tmp_path: Path
) -> None:
    plans = [Plan("good", SETTINGS), Plan("bad", replace(SETTINGS, learning_rate=1e30, epochs=9))]
    with pytest.raises(ValueError, match=r"the loss is .* at step .*: lower the learning rate"):
        run_study(
            plans,
            start,
            suite=small_suite,
            suite_folder=small_folder,
            folder=tmp_path / "runs",
            watch=10,
            progress=False,
            tell=lambda _: None,
        )
    assert (tmp_path / "runs" / "good.safetensors").exists()


def test_bad_plans_are_said(start: CheckpointFile, small_suite: Suite, small_folder: Path, tmp_path: Path) -> None:
    def run(*plans: Plan) -> None:
        run_study(
            plans,
            start,
            suite=small_suite,
            suite_folder=small_folder,
            folder=tmp_path / "r",
            watch=9,
            workers=1,
            progress=False,
            tell=lambda _: None,
        )

    run(Plan("a", SETTINGS))
    with pytest.raises(ValueError, match=r"is another run .epochs 3 there, 4 now"):
        run(Plan("a", replace(SETTINGS, epochs=4)))
    with pytest.raises(ValueError, match="a distinct name"):
        run(Plan("a", SETTINGS), Plan("a", SETTINGS))
    with pytest.raises(ValueError, match="a distinct name"):
        run(Plan("../a", SETTINGS))
    with pytest.raises(ValueError, match="'mine' made"):
        run(Plan("b", SETTINGS, Augmentation("mine", lambda image: image[:, :20])))
    with pytest.raises(ValueError, match="no augmentation, no noise"):
        run(Plan("c", replace(SETTINGS, mode="linear-probe"), augmentation("flip")))


def test_an_estimate_grows_with_the_work(start: CheckpointFile, small_suite: Suite) -> None:
    short = estimate_seconds([Plan("a", SETTINGS)], start, suite=small_suite)
    long = estimate_seconds([Plan("a", replace(SETTINGS, epochs=300))], start, suite=small_suite)
    assert 0 < short < long


def test_snapshots_are_the_models_on_the_way(start: CheckpointFile, small_suite: Suite, tmp_path: Path) -> None:
    short, whole = (
        fine_tune(
            start,
            small_suite,
            settings=replace(SETTINGS, epochs=n),
            target=tmp_path / f"{n}.safetensors",
            snapshots=tmp_path / f"s{n}",
        )
        for n in (1, 3)
    )
    names = sorted(path.name for path in (tmp_path / "s3").iterdir())
    assert names == [f"3-epoch-0{i}.safetensors" for i in (1, 2, 3)]
    last = weights(tmp_path / "s3" / "3-epoch-03.safetensors")
    assert all(torch.equal(last[name], tensor) for name, tensor in weights(whole).items())
    first = weights(tmp_path / "s3" / "3-epoch-01.safetensors")
    assert any(not torch.equal(first[name], tensor) for name, tensor in last.items())
    assert CheckpointFile(tmp_path / "s3" / "3-epoch-02.safetensors").card.name == "3-epoch-02"
    assert short.exists()
