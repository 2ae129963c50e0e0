"""A wrong name on the command line is answered with what is there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from soupwidgets import Pool, PoolError, SuiteError
from soupwidgets.commands.inputs import known_device, known_pool, known_suite
from tests.commands.test_boundary import run


@pytest.fixture
def place(tiny_pool: Pool, small_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Here are ``pool``, with three checkpoints, ``suites/small`` and an empty folder."""
    (tmp_path / "suites").mkdir()
    (tmp_path / "suites" / "small").symlink_to(small_folder)
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("named", "answer"),
    [
        ("pol", "pol: no weight file there: there is no such file or folder. Did you mean pool?"),
        ("pool/ft-A.safetensor", "Did you mean pool/ft-a.safetensors"),
        ("pol/ft-a.safetensors", "Did you mean pool?"),
        ("pool/ft-a.safetensors/x", "pool/ft-a.safetensors is a file, not a folder"),
        ("pool/*.ckpt", "there is no such file that matches"),
        (".", ".: no weight file there; there are some in pool"),
        ("", "--pool is empty"),
        ("suites/small", "the folder of a suite, which --suite takes"),
        ("suites/small/suite.json", "--suite takes its folder"),
    ],
)
def test_a_pool_that_is_none(place: Path, named: str, answer: str) -> None:
    with pytest.raises(PoolError) as told:
        known_pool(named)
    assert answer in str(told.value)


@pytest.mark.parametrize("named", ["pool", "pool/ft-a.safetensors", "pool/ft-*.safetensors"])
def test_a_pool_that_is_one(place: Path, named: str) -> None:
    assert known_pool(named) == named


@pytest.mark.parametrize(
    ("named", "answer"),
    [
        (
            "suites/smal",
            "suites/smal/suite.json is missing: there is no folder suites/smal. Did you mean suites/small?",
        ),
        ("suites", "suites is not the folder of a suite; suites/small would be"),
        ("pool", "pool holds checkpoints, which --pool takes"),
        ("pool/ft-a.safetensors", "is a file, and a suite is a folder"),
        ("empty", "`soupwidgets suite build` makes one"),
    ],
)
def test_a_suite_that_is_none(place: Path, named: str, answer: str) -> None:
    with pytest.raises(SuiteError) as told:
        known_suite(Path(named))
    assert answer in str(told.value)


def test_a_suite_may_be_named_by_its_manifest(place: Path) -> None:
    assert known_suite(Path("suites/small/suite.json")) == Path("suites/small")
    assert known_suite(None) is None


def test_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert [known_device(name) for name in ("auto", "cpu")] == ["auto", "cpu"]
    with pytest.raises(ValueError, match="--device cuda: PyTorch finds no CUDA device here; use cpu, or auto"):
        known_device("cuda")
    for name in ("gpu", "CUDA", "cuda:x", "mps", ""):
        with pytest.raises(ValueError, match="choose auto, cpu or cuda"):
            known_device(name)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert known_device("cuda:1") == "cuda:1"
    with pytest.raises(ValueError, match="there are 2 CUDA devices, cuda:0 to cuda:1"):
        known_device("cuda:2")


def test_every_command_looks_at_its_options_first(place: Path) -> None:
    done = run("frontier", "--pool", "pol", "--suite", "suites/small")
    assert (done.exit_code, "Did you mean pool?" in done.stderr) == (2, True)
    done = run("soup", "uniform", "--pool", "pool", "--suite", "suite", "--out", "soup.safetensors")
    assert (done.exit_code, "Did you mean suites?" in done.stderr) == (2, True)
    done = run("sweep", "--pool", "pool", "--suite", "suites/small", "--fine-tuned", "ft-a", "--device", "tpu")
    assert (done.exit_code, "--device tpu" in done.stderr) == (2, True)
    done = run("soup", "uniform", "--pool", "pool", "--out", "soup.safetensors", "--json", "-")
    assert json.loads(done.stdout)["method"] == "uniform"


def test_a_folder_of_checkpoints_is_inspected(place: Path) -> None:
    done = run("inspect", "pool", "--json", "out.json")
    assert done.exit_code == 0, done.stderr
    files = json.loads(Path("out.json").read_text())["files"]
    assert [entry["path"] for entry in files] == [
        "pool/ft-a.safetensors", "pool/ft-b.safetensors", "pool/zero-shot.safetensors"
    ]  # fmt: skip
    assert "there are some in pool" in run("inspect", ".").stderr


@pytest.mark.parametrize("beyond", ["nan", "inf", "1e9"])
def test_a_line_has_two_ends(place: Path, beyond: str) -> None:
    done = run(
        "landscape", "line", "--pool", "pool", "--suite", "suites/small", "--store", "store",
        "--checkpoints", "zero-shot", "ft-a", "--beyond", beyond,
    )  # fmt: skip
    assert done.exit_code == 2, done.exception
    assert "--beyond" in done.stderr


@pytest.mark.parametrize("option", ["--images", "--epochs", "--batch-size"])
def test_nothing_is_not_everything(place: Path, option: str) -> None:
    done = run(
        "finetune", "--suite", "suites/small", "--out", "new", "--zero-shot", "pool/ft-a.safetensors", option, "0"
    )
    assert (done.exit_code, option in done.stderr) == (2, True)
