"""A worker in this process: what it opens, what it compares, and what it says when that is something else."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from ray import cloudpickle
from torch import nn

from soupwidgets import Evaluator, Pool, Recipe, Store, Suite
from soupwidgets.scale.luggage import Luggage, pack, unread
from soupwidgets.scale.worker import NodeError, Worker
from soupwidgets.stats import Metric
from soupwidgets.suites import SliceSplit
from tests.fixtures import WriteCheckpoint

Sent = Callable[[Evaluator], Worker]
RECIPE = Recipe({"ft-a": 0.5, "ft-b": 0.5})


@pytest.fixture
def sent() -> Sent:
    """A worker with what would reach another process."""

    def send(ev: Evaluator) -> Worker:
        options = {
            "device": "cpu",
            "model": ev.architecture,
            "batch_norm": ev.recalibration or "average",
            "precision": "float32",
        }
        bytes_ = cloudpickle.dumps(pack(ev.pool, ev.suite, options))
        threads = torch.get_num_threads()
        return Worker(lambda: cloudpickle.loads(bytes_), "box (10.0.0.7)", threads, lambda: False)

    return send


def measured(worker: Worker, ev: Evaluator, split: str, *, recipe: Recipe = RECIPE) -> tuple[object, ...]:
    *_, last = worker.measure(recipe.to_json(), split, ev.key(recipe, ev.suite[split]), True, None)
    return last


def test_it_measures_as_the_driver_does(tiny_evaluator: Evaluator, sent: Sent) -> None:
    here = tiny_evaluator.evaluate(RECIPE, "rotate")
    score, logits, images = measured(sent(tiny_evaluator), tiny_evaluator, "rotate")
    assert score == here["rotate"]
    np.testing.assert_array_equal(logits, here.logits["rotate"])
    assert images == len(tiny_evaluator.suite["rotate"])


def test_a_pass_in_bfloat16_has_its_key_and_its_sample_is_taken(
    tiny_pool: Pool, small_suite: Suite, tmp_path: Path
) -> None:
    ev = Evaluator(tiny_pool, small_suite, device="cpu", store=Store(tmp_path / "store"), precision="bfloat16")
    options = {"device": "cpu", "model": ev.architecture, "precision": ev.precision}
    packed = pack(ev.pool, ev.suite, options)
    worker = Worker(lambda: packed, "box", torch.get_num_threads(), lambda: False)
    split, key = ev.suite["rotate"], ev.run_key(RECIPE, ev.suite["rotate"])
    assert key != ev.key(RECIPE, split)
    *_, (sample, _, _) = worker.measure(RECIPE.to_json(), "rotate", key, False, 64)
    *_, (whole, _, _) = worker.measure(RECIPE.to_json(), "rotate", key, True, None)
    assert (sample.seen, whole.precision) == (64, "bfloat16")
    assert whole == ev.evaluate(RECIPE, "rotate")["rotate"]


def test_slices_and_metrics_of_ones_own_travel(tiny_pool: Pool, small_suite: Suite, tmp_path: Path, sent: Sent) -> None:
    part = SliceSplit("odd", small_suite["test"], range(1, 101, 2))
    lucky = Metric("lucky", lambda outputs, labels: float((labels == 3).mean()))
    suite = small_suite.scored_by(lucky).with_slices([part])
    ev = Evaluator(tiny_pool, suite, device="cpu", store=Store(tmp_path / "one"))
    worker = sent(ev)
    for split in ("odd", "test"):
        assert measured(worker, ev, split)[0] == ev.evaluate(RECIPE, split)[split]


def test_files_are_named_and_not_sent(tiny_evaluator: Evaluator) -> None:
    suite = tiny_evaluator.suite
    assert suite["blur"].images.nbytes > 100_000
    assert len(cloudpickle.dumps(unread(suite))) < 40_000
    luggage = pack(tiny_evaluator.pool, suite, {})
    assert {path.name for path in luggage.files} >= {"ft-a.safetensors", "val.images.npy", "test.labels.npy"}
    # The driver's suite keeps what it has read.
    assert "images" in vars(suite["blur"])


def test_arrays_in_memory_and_modules_in_python_travel(
    write_checkpoint: WriteCheckpoint, tmp_path: Path, sent: Sent
) -> None:
    def network() -> nn.Module:
        torch.manual_seed(1)
        return nn.Sequential(nn.Flatten(), nn.Linear(6, 3))

    first = write_checkpoint("ft-a", network().state_dict())
    write_checkpoint("ft-b", {name: 2 * tensor for name, tensor in network().state_dict().items()})
    draw = np.random.default_rng(0)
    x, y = draw.normal(size=(90, 6)).astype(np.float32), draw.integers(3, size=90)
    suite = Suite.of("mine", {"val": (x[:40], y[:40]), "test": (x[40:], y[40:])}, classes=["a", "b", "c"])
    pool = Pool.open(first.parent)
    for model in (network, network()):
        ev = Evaluator(pool, suite, model=model, device="cpu", store=Store(tmp_path / "store"))
        assert pack(pool, suite, {}).files.keys() == {path for file in pool.checkpoints.values() for path in file.files}
        assert measured(sent(ev), ev, "test")[0] == ev.evaluate(RECIPE, "test")["test"]


def test_a_missing_file_is_named_with_the_machine(tiny_evaluator: Evaluator, sent: Sent) -> None:
    worker = sent(tiny_evaluator)
    path = tiny_evaluator.pool["ft-b"].path
    path.unlink()
    with pytest.raises(NodeError, match=rf"^box \(10\.0\.0\.7\): there is no file {path} there; copy it"):
        worker.ready()


def test_weights_of_another_content_are_refused(tiny_evaluator: Evaluator, sent: Sent) -> None:
    worker, another = sent(tiny_evaluator), sent(tiny_evaluator)
    path = tiny_evaluator.pool["ft-b"].path
    key = tiny_evaluator.key(RECIPE, tiny_evaluator.suite["val"])
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    assert worker.ready() == os.getpid()
    with pytest.raises(NodeError, match=r"^box .*ft-b\.safetensors: the file was replaced or changed"):
        list(worker.measure(RECIPE.to_json(), "val", key, True, None))
    path.write_bytes(content[:-8])
    with pytest.raises(NodeError, match=r"ft-b\.safetensors has [\d,]+ bytes there, and"):
        another.ready()


def test_another_split_is_refused(tiny_pool: Pool, small_folder: Path, tmp_path: Path, sent: Sent) -> None:
    folder = Path(shutil.copytree(small_folder, tmp_path / "suite"))
    ev = Evaluator(tiny_pool, Suite.open(folder), device="cpu", store=Store(tmp_path / "store"))
    worker, key = sent(ev), ev.key(RECIPE, ev.suite["val"])
    labels = np.load(folder / "val.labels.npy")
    labels[0] = (labels[0] + 1) % 10
    np.save(folder / "val.labels.npy", labels)
    with pytest.raises(NodeError, match=r"split 'val' is another one there \(.*val\.images\.npy.*copy the driver's"):
        list(worker.measure(RECIPE.to_json(), "val", key, True, None))


def test_relative_paths_start_from_the_drivers_folder(
    tiny_pool: Pool, small_suite: Suite, tmp_path: Path, sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tiny_pool["ft-a"].path.parents[1])
    ev = Evaluator(Pool.open("pool"), small_suite, device="cpu", store=Store(tmp_path / "store"))
    worker, lost = sent(ev), sent(ev)
    monkeypatch.chdir("/")
    assert measured(worker, ev, "val")[0].exact  # type: ignore[attr-defined]
    monkeypatch.chdir("/")
    Path(tmp_path / "pool").rename(tmp_path / "moved")
    with pytest.raises(NodeError, match=r"there is no file .*/pool/.*safetensors there"):
        lost.ready()


def test_another_version_or_model_is_refused(tiny_evaluator: Evaluator, sent: Sent) -> None:
    with pytest.raises(NodeError, match="the model or its treatment is another one there"):
        list(sent(tiny_evaluator).measure(RECIPE.to_json(), "val", "0" * 64, True, None))
    packed = pack(tiny_evaluator.pool, tiny_evaluator.suite, {})
    older = Luggage(**{**vars(packed), "version": "0.0.1"})
    with pytest.raises(NodeError, match=r"soupwidgets is .* there, here 0\.0\.1: install the same"):
        Worker(lambda: older, "box", 1, lambda: False).ready()


def test_what_is_no_longer_wanted_is_given_up(tiny_evaluator: Evaluator) -> None:
    options = {"device": "cpu", "model": tiny_evaluator.architecture}
    packed = pack(tiny_evaluator.pool, tiny_evaluator.suite, options)
    worker = Worker(lambda: packed, "box", 1, lambda: True)
    key = tiny_evaluator.key(RECIPE, tiny_evaluator.suite["val"])
    assert list(worker.measure(RECIPE.to_json(), "val", key, True, None)) == []
