"""Records of training runs come to the right checkpoints, and to nothing else."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import pytest
import torch

from soupwidgets import Evaluator, Pool, PoolError, SoupWarning
from soupwidgets.commands.options import open_pool
from soupwidgets.topics.diversity.members import training_of
from soupwidgets.topics.frontier.models import differing
from soupwidgets.topics.soup.by_hyperparameter import numeric_hyperparameters
from tests.command import run
from tests.fixtures import WriteCheckpoint
from tests.records import files

_SAYS = {"lr": 0.01, "epochs": 9}


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "runs.csv"
    path.write_text("file,lr,epochs,Notes\nruns/ft-a.safetensors,0.01,9,the long one\nC:\\runs\\ft-b.pt,2e-05,1,\n")
    return path


def _quietly(pool: Pool, source: Path, by: str | None = None) -> Pool:
    with warnings.catch_warnings():
        warnings.simplefilter("error", SoupWarning)
        return pool.with_records(source, by=by)


def test_a_table_says_how_checkpoints_were_trained(tiny_pool: Pool, table: Path) -> None:
    found = _quietly(tiny_pool, table)
    assert found.hyperparameters("ft-a") == _SAYS
    assert found["ft-a"].card.note == "the long one"
    assert found.hyperparameters("ft-b") == {"lr": 2e-05, "epochs": 1}
    assert found.names == tiny_pool.names
    assert found["ft-a"].content_hash == tiny_pool["ft-a"].content_hash
    # The pool that was given, and its files, are as they were.
    assert tiny_pool.hyperparameters("ft-a") == {}
    assert Pool.open(tiny_pool["ft-a"].path.parent).hyperparameters("ft-a") == {}
    assert found.opened.endswith(f").with_records({str(table)!r})")


def test_what_explorers_ask_for_is_known(tiny_pool: Pool, table: Path) -> None:
    found = _quietly(tiny_pool, table)
    assert differing(found.hyperparameters(name) for name in found) == ["epochs", "lr"]
    assert numeric_hyperparameters(found) == ["lr", "epochs"]
    assert json.loads(training_of(found["ft-a"])["hyper-parameters"]) == _SAYS


@pytest.mark.parametrize("kind", ["optuna", "optuna csv", "wandb", "wandb python", "mlflow"])
def test_every_tracker_joins(tiny_pool: Pool, tmp_path: Path, kind: str) -> None:
    texts = {"optuna csv": files.OPTUNA_CSV, "wandb": files.WANDB_CSV, "wandb python": files.WANDB_PYTHON_CSV}
    source = tmp_path / "source"
    if kind in texts:
        source.write_text(texts[kind])
    else:
        (files.write_optuna if kind == "optuna" else files.write_mlflow)(source)
    found = _quietly(tiny_pool, source)
    assert found.hyperparameters("ft-a")["lr"] == 0.01
    assert found.hyperparameters("ft-b")["lr"] == (0.02 if kind == "mlflow" else 2e-05)


def test_the_number_of_a_trial_is_that_at_the_end_of_a_name(write_checkpoint: WriteCheckpoint, tmp_path: Path) -> None:
    for name in ("trial-0", "trial_01", "other"):
        path = write_checkpoint(name, {"a": torch.ones(2)})
    study = files.write_optuna(tmp_path / "study.db", ("", ""))
    with pytest.warns(SoupWarning, match=r"by 'number': 1 checkpoints have no run: other$"):
        found = Pool.open(path.parent).with_records(study)
    assert found.hyperparameters("trial_01")["epochs"] == 1
    table = tmp_path / "runs.csv"
    table.write_text("run,lr\n0,0.5\n1,0.25\n")
    with pytest.raises(PoolError, match="none of its 2 runs names a checkpoint"):
        Pool.open(path.parent).with_records(table)
    with pytest.warns(SoupWarning):
        assert Pool.open(path.parent).with_records(table, by="run").hyperparameters("trial-0") == {"lr": 0.5}


def test_saved_models_are_known_by_their_folders(tmp_path: Path, write_checkpoint: WriteCheckpoint) -> None:
    for name in ("ft-a", "ft-b"):
        (tmp_path / name).mkdir()
        torch.save({"a": torch.ones(2)}, tmp_path / name / "model.pt")
    pool = Pool.open(f"{tmp_path}/ft-*/model.pt")
    table = tmp_path / "runs.csv"
    table.write_text("seed,path\n0,/elsewhere/ft-a/model.pt\n1,/elsewhere/ft-b/\n")
    assert _quietly(pool, table).hyperparameters("ft-b") == {"seed": 1}


def test_the_records_word_counts_and_the_cards_own_stay(write_checkpoint: WriteCheckpoint, tmp_path: Path) -> None:
    path = write_checkpoint("ft-a", {"a": torch.ones(2)}, hyperparameters={"lr": 1, "mixup": 0.5}, note="kept")
    table = tmp_path / "runs.csv"
    table.write_text("name,lr\nft-a,2\n")
    found = Pool.open([path]).with_records(table)
    assert found.hyperparameters("ft-a") == {"lr": 2, "mixup": 0.5}
    assert found["ft-a"].card.note == "kept"


def test_rows_and_checkpoints_that_stay_alone_are_named(tiny_pool: Pool, table: Path) -> None:
    table.write_text("file,lr\nft-a,1\nft-c,2\n,3\n")
    with pytest.warns(SoupWarning) as told:
        tiny_pool.with_records(table)
    said = str(told[0].message)
    assert "2 of its 3 runs name no checkpoint of the pool: ft-c (line 3), no file (line 4)" in said
    assert "1 checkpoints have no run: ft-b" in said
    assert told[0].filename == __file__


@pytest.mark.parametrize(
    ("content", "by", "said"),
    [
        ("file,lr\nx,1\ny,2\n", None, "none of its 2 runs names a checkpoint of the pool (ft-a, ft-b, zero-shot)"),
        ("file,lr\nx,1\ny,2\n", None, "Their 'file' are x, y. by= says which entry does: file, lr"),
        ("file,lr\nft-a,1\n", "name", "its runs have no entry 'name'; they have file, lr"),
        (
            "file,lr\nft-a,1\nft-b,1\nruns/ft-a.pt,2\n",
            None,
            "line 4: it names the checkpoint 'ft-a' by 'file', as does",
        ),
    ],
)
def test_what_cannot_be_joined_is_told(tiny_pool: Pool, table: Path, content: str, by: str | None, said: str) -> None:
    table.write_text(content)
    with pytest.raises(PoolError) as told:
        tiny_pool.with_records(table, by=by)
    assert str(table) in str(told.value)
    assert said in str(told.value)


def test_a_path_in_a_record_opens_nothing(tiny_pool: Pool, table: Path) -> None:
    table.write_text("file,note\n../../../../etc/passwd,x\n/dev/zero,x\nft-a,<script>alert(1)</script>\n")
    with pytest.warns(SoupWarning):
        found = tiny_pool.with_records(table)
    assert "&lt;script&gt;" in found._repr_html_()
    assert "<script>" not in found._repr_html_()


def test_an_evaluator_takes_what_was_measured_before(tiny_pool: Pool, table: Path, tiny_evaluator: Evaluator) -> None:
    known = tiny_evaluator.evaluate("ft-a", "val")
    other = tiny_evaluator.with_pool(_quietly(tiny_pool, table))
    found = other.stored("ft-a", "val")
    assert found is not None
    assert found["val"].correct == known["val"].correct
    assert other.forward_images == 0


def test_the_command_takes_records(tiny_pool: Pool, small_folder: Path, table: Path) -> None:
    folder = str(tiny_pool["ft-a"].path.parent)
    assert open_pool(folder, None, None, None, table).hyperparameters("ft-a") == _SAYS
    table.write_text("file,lr\nx,1\n")
    done = run("serve", "--pool", folder, "--suite", str(small_folder), "--records", str(table))
    assert done.returncode == 2
    assert "none of its 1 runs names a checkpoint" in done.stderr
