"""A folder of training checkpoints opens in one call, or in one call and the argument that the error tells."""

from __future__ import annotations

import re
import types
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
import typer
from torch import nn

from soupwidgets import CheckpointError, CheckpointFile, Pool, PoolError
from soupwidgets.checkpoints import Card
from soupwidgets.cli import app
from soupwidgets.pool import SoupWarning
from tests.command import run
from tests.fixtures import WriteCheckpoint

BODY = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))


def messy(folder: Path, head_of_zero_shot: bool) -> Path:
    """Files as training scripts leave them: weights under ``sd``, and a zero-shot file with ``model``."""
    folder.mkdir()
    body, head = BODY.state_dict(), {"head.weight": torch.rand(2, 4), "head.bias": torch.rand(2)}
    for i in range(2):
        state = {name: tensor + i for name, tensor in {**body, **head}.items()}
        value: dict[str, Any] = {
            "sd": state,
            "history": {"loss": torch.rand(9), "val.acc": torch.tensor(0.5)},
            "hyper_parameters": {"lr": 1e-3, "wd": 0.1},
            "args": types.SimpleNamespace(lr=1e-3),
            "best_acc1": torch.tensor(71.0),
            "optimizer": torch.optim.AdamW(BODY.parameters()).state_dict(),
        }
        torch.save(value, folder / f"run-{i}.pth.tar")
    torch.save({"model": {**body, **head} if head_of_zero_shot else body, "epoch": 0}, folder / "zero.pt")
    return folder


def test_a_messy_folder_opens(tmp_path: Path) -> None:
    pool = Pool.open(messy(tmp_path / "runs", head_of_zero_shot=True), zero_shot="zero")
    assert pool.names == ["run-0", "run-1", "zero"]
    assert (pool.zero_shot, pool.fine_tuned) == ("zero", ["run-0", "run-1"])


def test_a_zero_shot_file_without_a_head_is_told_which_argument(tmp_path: Path) -> None:
    folder = messy(tmp_path / "runs", head_of_zero_shot=False)
    with pytest.raises(PoolError, match=r"zero without a head: Pool\.open\(\.\.\., head_from='run-0'\)"):
        Pool.open(folder)
    pool = Pool.open(folder, zero_shot="zero", head_from="run-0")
    lent, zero = dict(pool["run-0"].read()), dict(pool["zero"].read())
    assert torch.equal(zero["head.weight"], lent["head.weight"])
    assert torch.equal(zero["0.weight"], BODY.state_dict()["0.weight"])
    other = Pool.open(folder, zero_shot="zero", head_from="run-1")
    assert pool["zero"].content_hash != other["zero"].content_hash
    assert pool["run-0"].content_hash == other["run-0"].content_hash
    with pytest.raises(PoolError, match=r"'zero' has no head to lend"):
        Pool.open(folder, head_from="zero")
    with pytest.raises(PoolError, match=r"not in the pool: 'nobody'"):
        Pool.open(folder, head_from="nobody")


def test_one_argument_chooses_the_part_of_all_files(tmp_path: Path) -> None:
    state = BODY.state_dict()
    for i in range(2):
        ema = {name: tensor + 1 for name, tensor in state.items()}
        torch.save({"student": state, "teacher": ema}, tmp_path / f"run-{i}.pt")
    torch.save(state, tmp_path / "zero.pt")
    with pytest.raises(CheckpointError, match=r"run-0\.pt: it holds 2 sets of weights: student .*part='student'"):
        Pool.open(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pool = Pool.open(tmp_path, part="teacher")
    assert torch.equal(dict(pool["run-1"].read())["0.bias"], state["0.bias"] + 1)
    assert torch.equal(dict(pool["zero"].read())["0.bias"], state["0.bias"])
    torch.save({"model": state, "epoch": 3}, tmp_path / "zero.pt")
    with pytest.warns(SoupWarning, match=r"zero\.pt has no part 'teacher': its only weights \(model\) are used"):
        Pool.open(tmp_path, part="teacher")
    with pytest.raises(CheckpointError, match=r"run-0\.pt: it has no part 'techer'|2 sets of weights: student"):
        Pool.open(tmp_path, part="techer")


def test_a_pool_is_a_collection_of_names(tiny_pool: Pool) -> None:
    assert list(tiny_pool) == tiny_pool.names == ["ft-a", "ft-b", "zero-shot"]
    assert tiny_pool["ft-a"] is tiny_pool.checkpoints["ft-a"]
    with pytest.raises(PoolError, match=r"not in the pool: 'ft-c'; it has ft-a, ft-b, zero-shot"):
        tiny_pool["ft-c"]


def test_without_a_zero_shot_model_one_sentence_says_what_to_pass(write_checkpoint: WriteCheckpoint) -> None:
    write_checkpoint("a", {"w": torch.zeros(2)})
    path = write_checkpoint("b", {"w": torch.zeros(2)})
    with pytest.raises(PoolError, match=r"0 zero-shot models \(none\).*Pool\.open\(\.\.\., zero_shot='a'\)"):
        _ = Pool.open(path.parent).zero_shot
    assert Pool.open(path.parent, zero_shot="a").zero_shot == "a"


def test_what_is_shown(write_checkpoint: WriteCheckpoint) -> None:
    write_checkpoint("zero", {"w": torch.zeros(2, 3)}, role="zero_shot", architecture={"width": 3})
    path = write_checkpoint("<b>x", {"w": torch.zeros(2, 3)}, note="<script>alert(1)</script>")
    pool = Pool.open(path.parent)
    assert repr(pool) == "Pool(zero-shot: zero; fine-tuned: <b>x)"
    shown = pool._repr_html_()
    assert "<script>" not in shown
    assert "<b>" not in shown
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in shown
    assert "<td>zero</td><td>zero-shot</td><td></td><td>float32</td><td>0.0 MB</td>" in shown
    assert "Pool of 2 checkpoints, each 6 numbers in 1 tensors" in shown
    assert repr(pool["zero"]).endswith("zero.safetensors', 6 numbers in 1 tensors)")
    assert repr(pool["zero"].card) == "Card(name='zero', role='zero_shot', architecture=...)"
    assert repr(Card(hyperparameters={"lr": 0.1})) == "Card(role='fine_tuned', hyperparameters={'lr': 0.1})"


def test_commands_have_the_options_that_their_errors_name(tmp_path: Path) -> None:
    folder = messy(tmp_path / "runs", head_of_zero_shot=False)
    command = ["soup", "wise-ft", "--pool", str(folder), "--out", str(tmp_path / "soup.pt")]
    for option, error in [
        (["--head-from", "run-0"], "head_from='run-0') or --head-from run-0 gives them"),
        (["--zero-shot", "zero"], "0 zero-shot models (none), but one is needed: Pool.open(..., zero_shot='run-0') or "
         "--zero-shot run-0 says"),
    ]:  # fmt: skip
        told = run(*command)
        assert (told.returncode, error in told.stderr) == (2, True), told.stderr
        command += option
    done = run(*command)
    assert done.returncode == 0, done.stderr
    made, pool = CheckpointFile(tmp_path / "soup.pt"), Pool.open(folder, "zero", head_from="run-0")
    bias = dict(pool["zero"].read())["0.bias"]
    assert torch.allclose(dict(made.read())["0.bias"], bias + 0.25)


@pytest.mark.parametrize("command", ["soup", "sweep", "frontier", "diversity"])
def test_which_of_several_sets_of_weights_is_an_option(small_folder: Path, tmp_path: Path, command: str) -> None:
    folder = tmp_path / "sets"
    folder.mkdir()
    for name in ("a", "b"):
        sets = {"student.backbone": dict(BODY.state_dict()), "teacher.backbone": dict(BODY.state_dict())}
        sets["student.backbone"]["0.bias"] = torch.full((4,), 7.0)
        torch.save({key: {"w": tensors} for key, tensors in sets.items()}, folder / f"{name}.pt")
    arguments = {
        "soup": ["soup", "uniform", "--out", str(tmp_path / "soup.pt")],
        "sweep": ["sweep", "--suite", str(small_folder), "--fine-tuned", "a"],
        "frontier": ["frontier", "--suite", str(small_folder)],
        "diversity": ["diversity", "--suite", str(small_folder)],
    }[command]
    told = run(*arguments, "--pool", str(folder))
    option = re.search(r"part='(.*)' \(--part (.*)\)", told.stderr)
    assert told.returncode == 2
    assert option is not None, told.stderr
    assert option[1] == option[2] == "student.backbone.w"
    done = run(*arguments, "--pool", str(folder), "--part", option[2])
    if command == "soup":
        assert done.returncode == 0, done.stderr
        assert dict(CheckpointFile(tmp_path / "soup.pt").read())["0.bias"].tolist() == [7.0] * 4
    else:
        # It was opened; that it is no model that could be measured is the next thing to be said.
        assert "architecture" in done.stderr
        assert "--part" not in done.stderr


@pytest.mark.parametrize(
    ("command", "option"),
    [("finetune", "--zero-shot"), ("spectrum noise", "--model"), ("augment diversity", "--model")],
)
def test_training_that_cannot_begin_with_one_of_several_sets_says_with_what_it_can(
    small_folder: Path, tmp_path: Path, command: str, option: str
) -> None:
    torch.save({"student": dict(BODY.state_dict()), "teacher": dict(BODY.state_dict())}, tmp_path / "sets.pt")
    places = ["--suite", str(small_folder), "--out", str(tmp_path / "out")]
    told = run(*command.split(), *places, option, str(tmp_path / "sets.pt"))
    assert told.returncode == 2
    assert "sets.pt: it holds 2 sets of weights: student (" in told.stderr
    assert f"{option} takes one classifier with a card" in told.stderr
    assert "--part" not in told.stderr
    assert not (tmp_path / "out").exists()
    missing = run(*command.split(), *places, option, str(tmp_path / "nothing.pt"))
    assert missing.stderr.endswith("nothing.pt: there is no such file\n")


def test_a_part_of_a_published_file_to_begin_with(small_folder: Path, tmp_path: Path) -> None:
    torch.save({"student": dict(BODY.state_dict()), "teacher": dict(BODY.state_dict())}, tmp_path / "sets.pt")
    words = ["finetune", "--suite", str(small_folder), "--out", str(tmp_path / "out"), "--model", "ViT-S-32-alt"]
    told = run(*words, "--pretrained", str(tmp_path / "sets.pt"))
    assert "(--part student)" in told.stderr
    # It was opened; that no text tower is in it is the next thing to be said.
    done = run(*words, "--pretrained", str(tmp_path / "sets.pt"), "--part", "student")
    assert (done.returncode, "--part" in done.stderr) == (2, False), done.stderr
    assert "name the file with --pretrained" in run(*words, "--part", "student").stderr


@pytest.mark.parametrize(
    "command",
    ["sweep", "soup uniform", "frontier", "landscape line", "landscape plane", "landscape barriers", "spectrum paths",
     "spectrum images", "augment affinity", "zoo report"],
)  # fmt: skip
def test_every_command_that_opens_one_pool_has_them(command: str) -> None:
    found: Any = typer.main.get_command(app)
    for word in command.split():
        found = found.get_command(None, word)
    assert {"--part", "--head-from", "--zero-shot"} <= {option for one in found.params for option in one.opts}
