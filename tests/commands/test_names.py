"""Names from files neither steer the terminal nor forge a line of a report."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

import soupwidgets as sw
from soupwidgets import Evaluator, Pool, PoolError, alpha_sweep, wise_ft
from soupwidgets.checkpoints import CARD_KEY
from soupwidgets.suites import Augmentation
from soupwidgets.text import one_line, printable
from soupwidgets.topics.review.report import summary_text
from tests.command import run
from tests.fixtures import TINY, WriteCheckpoint

EVIL = "evil\x1b[31m\x07\nsoupwidgets: ok\u202e\r\u2028\x9b"
SHOWN = r"evil\x1b[31m\x07\nsoupwidgets: ok\u202e\r\u2028\x9b"


@pytest.fixture
def pool(write_checkpoint: WriteCheckpoint) -> Path:
    """A folder of three tiny models, one of which has a name on its card that is not to reach a terminal."""
    torch.manual_seed(0)
    base = TINY.build().state_dict()
    folder = write_checkpoint("zero-shot", base, role="zero_shot", architecture=TINY.to_json()).parent
    for file, name in (("a", "ft-a"), ("b", EVIL)):
        moved = {k: v + 0.1 * torch.randn_like(v) for k, v in base.items()}
        card = {"name": name, "role": "fine_tuned", "architecture": TINY.to_json()}
        save_file(moved, folder / f"{file}.safetensors", metadata={CARD_KEY: json.dumps(card)})
    return folder


def test_a_pool_spells_out_control_characters_in_names(pool: Path) -> None:
    opened = Pool.open(pool)
    assert opened.names == ["ft-a", SHOWN, "zero-shot"]
    (pool / "b.safetensors").rename(pool / "named\x1b[2J\n.safetensors")
    save_file(dict(opened["ft-a"].read()), pool / "plain\x1b\n.safetensors")
    assert r"plain\x1b\n" in Pool.open(pool).names


@pytest.mark.parametrize(
    "command",
    [
        "soup uniform --out OUT",
        "soup uniform --out OUT --suite SUITE",
        "soup greedy --out OUT --suite SUITE",
        "frontier --suite SUITE",
        "diversity --suite SUITE",
        "landscape barriers --suite SUITE --grid 3",
        "landscape line --suite SUITE --grid 3 --checkpoints NAME ft-a",
        "spectrum paths --suite SUITE --pairs 4 --samples 8",
        "sweep --suite SUITE --alphas 2 --fine-tuned NAME",
        "augment affinity --suite SUITE --augmentation flip --model NAME",
        "inspect",
    ],
)
def test_no_command_prints_them(pool: Path, small_folder: Path, tmp_path: Path, command: str) -> None:
    places = {"OUT": str(tmp_path / "soup.pt"), "SUITE": str(small_folder), "NAME": SHOWN}
    arguments = [places.get(word, word) for word in command.split()]
    arguments += ["--store", str(tmp_path / "store"), "--device", "cpu"] if command != "inspect" else []
    done = run(*arguments, *(["--pool"] if command != "inspect" else []), str(pool))
    assert done.returncode == 0, done.stderr
    said = done.stdout + done.stderr
    assert all(c.isprintable() or c == "\n" for c in said), repr(said)
    assert not any(line.startswith("soupwidgets: ok") for line in said.splitlines())
    assert "evil" in said or command.startswith(("sweep", "landscape line", "inspect"))


def test_no_progress_bar_prints_them(
    tiny_evaluator: Evaluator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ev, evil = tiny_evaluator, EVIL.replace(" ", "")
    half = wise_ft(ev.pool, "ft-a")
    ev.save(half, tmp_path / f"{evil}.safetensors", progress=True)
    flip = Augmentation(evil, lambda image: image.flip(-1))
    sw.augmentation.affinity_along_alpha(ev, {0.5: half}, flip, progress=True)
    paths = sw.spectrum.image_paths(ev.suite.id_test, "between", pairs=2, samples=8)
    sw.spectrum.path_spectrum(ev, half, replace(paths, description=evil))
    with pytest.raises(PoolError):
        alpha_sweep(ev, evil)
    said = capsys.readouterr().err
    assert said.count(one_line(evil)) >= 4
    # A bar begins its line anew, and nothing else steers.
    assert all(c.isprintable() or c in "\r\n" for c in said), repr(said)
    assert not any(line.startswith("soupwidgets:ok") for line in said.split("\n"))


def test_names_of_tensors_forge_no_line_of_a_report(tmp_path: Path) -> None:
    save_file({"block.a\nCan be mixed: yes\x1b.weight": torch.full((2,), torch.nan)}, tmp_path / "a.safetensors")
    save_file({"block.b.weight": torch.ones(2)}, tmp_path / "b.safetensors")
    told = run("inspect", str(tmp_path))
    assert told.returncode == 0, told.stderr
    refused = run("soup", "uniform", "--pool", str(tmp_path), "--out", str(tmp_path / "out.pt"))
    assert refused.returncode == 2
    for said in (told.stdout, refused.stderr):
        assert r"block.a\nCan be mixed: yes\x1b" in said
        assert not any(line.startswith("Can be mixed") for line in said.splitlines())


def test_a_session_of_mistakes_forges_no_line() -> None:
    row = {"kind": EVIL, "major": 1, "minor": 0, "borderline": 0, "not said": 0, "all": 1, "share major": 1.0}
    agreed = {"question": "kind", "alpha": 1.0, "low": 0.5, "high": 1.0}
    report = {"kinds": {EVIL: [row]}, "agreement": {EVIL: [agreed]}, "normalised": {}, "warning": ""}
    assert not any(line.startswith("soupwidgets: ok") for line in printable(summary_text(report)).split("\n"))


def test_text_for_a_terminal() -> None:
    assert one_line(EVIL) == SHOWN
    assert printable("a\tb\n\x1bc\n") == "a\\tb\n\\x1bc\n"
    # Letters of every language, and half of a pair that stands for no letter.
    assert one_line("модель 模型 é \ud800") == "модель 模型 é \\ud800"
