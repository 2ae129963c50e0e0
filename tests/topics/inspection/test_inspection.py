from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch
from safetensors.torch import save_file
from typer.testing import CliRunner

from soupwidgets import CheckpointError, PoolError
from soupwidgets.checkpoints import CheckpointFile
from soupwidgets.cli import app
from soupwidgets.topics.inspection.checkpoint import inspect_checkpoint
from soupwidgets.topics.inspection.kinship import kinship
from soupwidgets.topics.inspection.report import inspect_files, open_all, to_text
from tests.fixtures import ZOO


def saved(path: Path, tensors: dict[str, torch.Tensor]) -> CheckpointFile:
    torch.save(tensors, path)
    return CheckpointFile(path)


def test_counts_norms_and_dtypes(tmp_path: Path) -> None:
    file = saved(
        tmp_path / "m.pt",
        {
            "net.blocks.0.a": torch.tensor([[3.0, 0.0]]),
            "net.blocks.0.b": torch.tensor([4.0], dtype=torch.float16),
            "net.blocks.1.a": torch.tensor([math.nan, math.inf, -math.inf, 1.0]),
            "proj": torch.full((2, 2), 0.5),
            "ids": torch.tensor(7),
        },
    )
    found = inspect_checkpoint(file)
    assert found.parameters == 2 + 1 + 4 + 4
    assert found.dtypes == {"float32": 3, "float16": 1, "int64": 1}
    assert found.not_finite == {"net.blocks.1.a": (1, 2)}
    assert found.block_norms["net.blocks.0"] == 5.0
    assert found.block_norms["proj"] == 1.0
    assert found.architecture is None
    assert found.head is None


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("ViT-B-32", "patches of 32, width 768, 12 layers, images of 224 pixels; open_clip: "),
        ("RN50", "blocks 3-4-6-3"),
    ],
)
def test_names_real_architectures(tmp_path: Path, name: str, words: str) -> None:
    with torch.device("meta"):
        model = open_clip.create_model(name, pretrained=None, device="meta")
    # One number per tensor is enough for a guess by shapes.
    tensors = {
        n: torch.zeros((), dtype=t.dtype).expand(t.shape) for n, t in model.state_dict().items() if "visual" in n
    }
    small = {n: t for n, t in tensors.items() if t.numel() < 3_000_000}
    small = {n: t.contiguous() for n, t in small.items()}
    save_file(small, tmp_path / "m.safetensors")
    found = inspect_checkpoint(CheckpointFile(tmp_path / "m.safetensors")).architecture
    assert found is not None
    assert words in found
    assert name in found.split("open_clip: ")[1].split(", ")
    assert "roberta-ViT-B-32" in found or name != "ViT-B-32"  # its image tower is the same

    save_file({**small, "token_embedding.weight": torch.zeros(49408, 512)}, tmp_path / "whole.safetensors")
    whole = inspect_checkpoint(CheckpointFile(tmp_path / "whole.safetensors")).architecture
    assert whole is not None
    assert name in whole.split("open_clip: ")[1].split(", ")
    assert "roberta-ViT-B-32" not in whole


def test_heads_tell_where_they_come_from() -> None:
    prompts = inspect_checkpoint(CheckpointFile(ZOO / "zero-shot.safetensors")).head
    trained = inspect_checkpoint(CheckpointFile(ZOO / "ft-03.safetensors")).head
    assert prompts is not None
    assert "made of prompts" in prompts
    assert trained is not None
    assert "trained" in trained


def test_kinship_is_the_geometry(tmp_path: Path) -> None:
    def file(name: str, *values: float) -> CheckpointFile:
        rows = torch.tensor([values], dtype=torch.float32)
        weights = {"a.blocks.0.w": rows[:, :2].clone(), "z": rows[:, 2:].clone(), "bias": torch.ones(9)}
        return saved(tmp_path / f"{name}.pt", weights)

    found = kinship({"x": file("x", 3, 0, 4, 0), "y": file("y", 3, 0, 4, 5), "z": file("z", 0, 5, 0, -5)}, "x")
    assert found.cosine[0, 1] == pytest.approx(25 / (5 * math.sqrt(50)))
    assert found.cosine[0, 2] == 0
    assert found.cosine[1, 2] == pytest.approx(-0.5)
    assert np.diag(found.cosine) == pytest.approx(1)
    assert found.distance == pytest.approx({"x": 0, "y": 1, "z": math.sqrt(9 + 25 + 16 + 25) / 5})
    assert found.outlier["y"] == ("z", pytest.approx(5 / 4))
    assert found.outlier["z"][0] == "a.blocks.0"
    assert found.families == [["x", "y"], ["z"]]
    with pytest.raises(KeyError, match="nobody"):
        kinship({"x": file("x", 1, 1, 1, 1), "y": file("y", 1, 1, 1, 1)}, "nobody")
    with pytest.raises(ValueError, match="at least two"):
        kinship({"x": file("x", 1, 1, 1, 1)})


def test_the_zoo_has_one_stranger() -> None:
    names = ["zero-shot", "ft-00", "ft-21", "bad-lr", "other-seed"]
    found = kinship({name: CheckpointFile(ZOO / f"{name}.safetensors") for name in names})
    assert found.reference == "zero-shot"
    assert found.families == [["zero-shot", "ft-00", "ft-21", "bad-lr"], ["other-seed"]]


def test_the_report_says_it_all(tmp_path: Path) -> None:
    good = saved(tmp_path / "good.pt", {"w": torch.eye(3), "v": torch.ones(2)})
    bad = saved(tmp_path / "bad.pt", {"w": torch.full((3, 3), math.nan), "v\x1b[2J": torch.ones(2)})
    text = to_text(inspect_files([good, bad], progress=False))
    assert "NOT FINITE, ruins every mixture: w (9 NaN, 0 infinite)" in text
    assert "Cannot be mixed: 2 differences" in text
    assert "bad: lacks v" in text
    assert "\x1b" not in text
    assert "\\x1b[2J" in text
    assert "not compared" in text
    half = saved(tmp_path / "half.pt", {"w": torch.eye(3).half(), "v": torch.ones(2)})
    text = to_text(inspect_files([good, half], progress=False))
    assert "Can be mixed" in text
    assert "half: w is float16, in good float32" in text
    assert "share an ancestor" in text


def test_a_folder_is_all_of_its_weight_files(tmp_path: Path) -> None:
    saved(tmp_path / "a.pt", {"w": torch.eye(3)})
    torch.save({"sd": {"w.weight": torch.eye(3)}, "best": torch.tensor(3.0)}, tmp_path / "b.pth.tar")
    torch.save({"student": {"a.w": torch.eye(3)}, "teacher": {"a.w": torch.eye(3)}}, tmp_path / "c.pt")
    (tmp_path / "notes.txt").write_text("no weights")
    files, unreadable = open_all([tmp_path])
    assert [file.path.name for file in files] == ["a.pt", "b.pth.tar"]
    assert [error.path.name for error in unreadable] == ["c.pt"]
    assert "part='student'" in unreadable[0].reason
    with pytest.raises(CheckpointError, match="2 sets of weights"):
        open_all([tmp_path / "c.pt"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(PoolError, match="no weight file"):
        open_all([tmp_path / "empty"])
    done = CliRunner().invoke(app, ["inspect", str(tmp_path)])
    assert done.exit_code == 2
    assert "b.pth.tar" in done.output
    assert "cannot be read" in done.output
    assert "c.pt: it holds 2 sets of weights" in done.output


def test_a_lonely_number_is_no_checkpoint(tmp_path: Path) -> None:
    torch.save({"epoch": 3, "arch": "resnet18", "best_acc1": torch.tensor(71.0)}, tmp_path / "m.pth.tar")
    with pytest.raises(CheckpointError, match="no weights were found"):
        open_all([tmp_path / "m.pth.tar"])


def test_an_adapter_says_what_it_is(tmp_path: Path) -> None:
    torch.manual_seed(0)
    save_file({"a.weight": torch.randn(3, 4), "b.weight": torch.randn(3, 4)}, tmp_path / "base.safetensors")
    for name, value in (("good", 1.0), ("bad", math.nan)):
        folder = tmp_path / name
        folder.mkdir()
        config = {"peft_type": "LORA", "r": 2, "lora_alpha": 4, "base_model_name_or_path": "google/vit"}
        (folder / "adapter_config.json").write_text(json.dumps(config))
        factors = {
            f"{n}.lora_{k}.weight": torch.full(s, value) for n in "ab" for k, s in (("A", (2, 4)), ("B", (3, 2)))
        }
        save_file(factors, folder / "adapter_model.safetensors")
    done = CliRunner().invoke(app, ["inspect", str(tmp_path)])
    assert done.exit_code == 0
    assert done.output.count("LoRA adapter, rank 2, scale 2, changes 2 tensors of google/vit, 0.0 MB") == 2
    assert "NOT FINITE, ruins every mixture: a.lora_A.weight" in done.output
    assert "24 parameters in 2 tensors" in done.output
    report = inspect_files(open_all([tmp_path / "good"])[0], progress=False)
    assert report["files"] == []
    assert report["adapters"][0]["changes"] == 2
    assert "architecture" not in to_text(report)
    (tmp_path / "good" / "adapter_config.json").write_text('{"peft_type": "LOHA"}')
    done = CliRunner().invoke(app, ["inspect", str(tmp_path)])
    assert done.exit_code == 2
    assert "cannot be read" in done.output
