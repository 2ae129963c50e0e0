"""Whoever stops a study stops the study, and nothing else."""

from __future__ import annotations

import multiprocessing
import time
from pathlib import Path

import pytest
import torch

from soupwidgets import CheckpointFile, Suite
from soupwidgets.checkpoints import write_checkpoint
from soupwidgets.training import Hyperparameters, Plan, run_study, study
from tests.fixtures import TINY

SETTINGS = Hyperparameters(seed=5, learning_rate=1e-3, epochs=9, weight_decay=0.0, crop=1.0, batch_size=64)


def test_ctrl_c_ends_the_studys_processes_and_no_other(
    small_suite: Suite, small_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    path = tmp_path / "zero-shot.safetensors"
    write_checkpoint(path, dict(TINY.build().state_dict()), {"name": "zero-shot", "architecture": TINY.to_json()})
    before = set(multiprocessing.active_children())
    bystander = multiprocessing.get_context("spawn").Process(target=time.sleep, args=(600,))
    bystander.start()
    own: list[object] = []

    def stop(*_: object, **__: object) -> None:
        own.extend(set(multiprocessing.active_children()) - before - {bystander})
        raise KeyboardInterrupt

    monkeypatch.setattr(study, "wait", stop)
    try:
        with pytest.raises(KeyboardInterrupt):
            run_study(
                [Plan("a", SETTINGS), Plan("b", SETTINGS)],
                CheckpointFile(path),
                suite=small_suite,
                suite_folder=small_folder,
                folder=tmp_path / "runs",
                watch=10,
                workers=2,
                progress=False,
                tell=lambda _: None,
            )
        assert len(own) == 3  # two workers, and the manager of their queue
        assert set(multiprocessing.active_children()) - before == {bystander}
        assert bystander.is_alive()
    finally:
        bystander.kill()
        bystander.join()
