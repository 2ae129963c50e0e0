from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from soupwidgets import CheckpointError, Pool
from soupwidgets.checkpoints import CheckpointFile, stamps

MODEL = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.TransformerEncoderLayer(8, 2, 16)).eval()
STATE = MODEL.state_dict()


def assert_holds(file: CheckpointFile, expected: dict[str, torch.Tensor]) -> None:
    read = dict(file.read())
    assert list(read) == sorted(expected) == list(file.tensors)
    for name, tensor in expected.items():
        assert read[name].dtype == tensor.dtype == file.tensors[name].dtype
        assert read[name].shape == tensor.shape == file.tensors[name].shape
        assert torch.equal(read[name], tensor)


def write_all(folder: Path) -> dict[str, Path]:
    torch.save(STATE, folder / "zip.pt")
    torch.save(STATE, folder / "old.pt", _use_new_zipfile_serialization=False)
    torch.save(MODEL, folder / "module.pt")
    torch.save(MODEL, folder / "module-old.pt", _use_new_zipfile_serialization=False)
    for protocol in (2, 3, 4, 5):
        (folder / f"module-{protocol}.pkl").write_bytes(pickle.dumps(MODEL, protocol=protocol))
    torch.save({f"module._orig_mod.{name}": tensor for name, tensor in STATE.items()}, folder / "wrapped.pth")
    training = {"epoch": 3, "model": STATE, "optimizer": torch.optim.AdamW(MODEL.parameters()).state_dict()}
    training |= {"best": np.float64(0.5), "args": types.SimpleNamespace(lr=1e-3)}
    torch.save(training, folder / "training.ckpt")
    save_file(STATE, folder / "plain.safetensors")
    return {path.name: path for path in folder.iterdir()}


def test_every_format_holds_the_same_weights(tmp_path: Path) -> None:
    hashes = set()
    for path in write_all(tmp_path).values():
        file = CheckpointFile(path)
        assert_holds(file, STATE)
        hashes.add(file.content_hash)
    assert len(hashes) == 1


def test_unusual_tensors(tmp_path: Path) -> None:
    base = torch.arange(24, dtype=torch.float32)
    tensors = {
        "transposed": base.reshape(4, 6).t(),
        "part": base[5:11],
        "tied": base,
        "scalar": torch.tensor(2.5, dtype=torch.bfloat16),
        "empty": torch.empty(0, 3),
        "half": base.half(),
        "bool": torch.tensor([True, False]),
        "count": torch.tensor(7),
        "parameter": nn.Parameter(torch.ones(2)),
    }
    for name, new in (("new.pt", True), ("old.pt", False)):
        torch.save(tensors, tmp_path / name, _use_new_zipfile_serialization=new)
        assert_holds(CheckpointFile(tmp_path / name), {k: v.detach() for k, v in tensors.items()})


def test_averaged_weights_are_taken_when_asked_for(tmp_path: Path) -> None:
    averaged = {name: tensor + 1 for name, tensor in STATE.items()}
    path = tmp_path / "both.pt"
    torch.save({"model_ema": averaged, "state_dict": STATE}, path)
    plain, ema = CheckpointFile(path), CheckpointFile(path, part="model_ema")
    assert plain.parts == ["state_dict", "model_ema"]
    assert_holds(plain, STATE)
    assert_holds(ema, averaged)
    assert plain.content_hash != ema.content_hash
    with pytest.raises(CheckpointError, match=r"no part 'teacher'; it has state_dict \(19 tensors\), model_ema"):
        CheckpointFile(path, part="teacher")


@pytest.mark.filterwarnings("ignore:.*torch.jit.script.*:FutureWarning")
def test_torchscript_archives(tmp_path: Path) -> None:
    half = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4)).half().eval()
    torch.jit.script(half).save(tmp_path / "script.pt")
    assert_holds(CheckpointFile(tmp_path / "script.pt"), half.state_dict())


WISE_FT = """
import pickle, sys, types, torch
module = types.ModuleType("src.models.modeling")
for name in ("src", "src.models", "src.models.modeling"):
    sys.modules[name] = module
class ImageEncoder(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.model = torch.nn.Linear(3, 5)
        self.model.register_buffer("mask", torch.ones(2), persistent=False)
        self.train_preprocess = torch.nn.functional.relu
class ImageClassifier(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.image_encoder = ImageEncoder()
        self.classification_head = torch.nn.Linear(5, 10)
torch.manual_seed(0)
for kind in (ImageEncoder, ImageClassifier):
    kind.__module__ = "src.models.modeling"
    kind.__qualname__ = kind.__name__
    setattr(module, kind.__name__, kind)
made = ImageClassifier()
pickle.dump(made, open(sys.argv[1], "wb"))
torch.save(made.state_dict(), sys.argv[2])
"""


def test_pickled_modules_of_classes_that_are_not_here(tmp_path: Path) -> None:
    paths = [str(tmp_path / "checkpoint.pt"), str(tmp_path / "expected.pt")]
    subprocess.run([sys.executable, "-c", WISE_FT, *paths], check=True)
    file = CheckpointFile(paths[0])
    assert_holds(file, torch.load(paths[1], weights_only=True))
    assert "src.models.modeling.ImageClassifier" in file.refused
    assert "src.models.modeling" not in sys.modules


def test_sharded_safetensors(tmp_path: Path) -> None:
    names = sorted(STATE)
    shards = {"a-1.safetensors": names[::2], "a-2.safetensors": names[1::2]}
    for file, mine in shards.items():
        save_file({name: STATE[name] for name in mine}, tmp_path / file)
    places = {name: file for file, mine in shards.items() for name in mine}
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"metadata": {}, "weight_map": places}))
    save_file(STATE, tmp_path / "whole.safetensors")
    file = CheckpointFile(index)
    assert_holds(file, STATE)
    assert file.content_hash == CheckpointFile(tmp_path / "whole.safetensors").content_hash
    pool = Pool.open(tmp_path)
    assert pool.names == ["model", "whole"]  # the shards are not checkpoints of their own

    (tmp_path / "a-2.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"'a-2.safetensors', which is not in the same folder"):
        CheckpointFile(index)
    for text in ('{"weight_map": {"w": "../whole.safetensors"}}', '{"weight_map": {}}', "[]", "{", "[" * 100_000):
        index.write_text(text)
        with pytest.raises(CheckpointError, match=r"index\.json"):
            CheckpointFile(index)


def test_a_pool_of_mixed_formats(tmp_path: Path) -> None:
    write_all(tmp_path)
    pool = Pool.open(tmp_path)
    assert len(pool) == 11
    assert {"zip", "module-2", "training", "plain"} <= set(pool.names)


def test_hashes_are_computed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "m.pt"
    torch.save(STATE, path)
    monkeypatch.setattr(stamps, "_SETTLED_NS", -1)  # as if it had been written long ago
    read: list[CheckpointFile] = []
    whole = CheckpointFile.pieces
    monkeypatch.setattr(CheckpointFile, "pieces", lambda self: [read.append(self), whole(self)][1])
    first = CheckpointFile(path).content_hash
    assert len(read) == 1
    assert CheckpointFile(path).content_hash == first
    assert len(read) == 1
    os.utime(path, ns=(10**18, 10**18 + 1))
    assert CheckpointFile(path).content_hash == first
    assert len(read) == 2


def test_a_file_written_this_moment_is_not_trusted_to_stay(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    save_file({"w": torch.zeros(3)}, path)
    first = CheckpointFile(path).content_hash
    stat = path.stat()
    save_file({"w": torch.ones(3)}, path)
    os.utime(path, ns=(stat.st_mtime_ns, stat.st_mtime_ns))  # as if within one tick of the clock
    assert CheckpointFile(path).content_hash != first
