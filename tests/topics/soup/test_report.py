"""What the command writes about a soup, and what it says when it cannot write."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from soupwidgets import Evaluator, Pool, Recipe, Store, Suite
from soupwidgets.methods import method_named
from soupwidgets.topics.soup.report import make_soup, to_text


@pytest.fixture
def ev(tiny_pool: Pool, small_suite: Suite, tmp_path: Path) -> Evaluator:
    return Evaluator(tiny_pool, small_suite, device="cpu", store=Store(tmp_path / "store"))


def test_arithmetic_chooses_its_scale_and_says_so(ev: Evaluator, tmp_path: Path) -> None:
    report = make_soup(method_named("arithmetic"), ev.pool, ev, tmp_path / "soup.safetensors")
    assert len(report["scales"]) == 5
    assert report["metric"] == "accuracy"
    best = max(row["score"] for row in report["scales"])
    assert report["splits"]["val"]["accuracy"] == best
    assert report["recipe"]["ft-a"] == pytest.approx(report["scale"], abs=1e-12)
    text = to_text(report)
    assert f"scale of the task vectors: {report['scale']:.4g}, the best of these" in text
    assert f"validation accuracy {100 * best:.2f}" in text
    alone = make_soup(method_named("arithmetic"), ev.pool, None, tmp_path / "alone.safetensors")
    assert alone["recipe"] == {"ft-a": 0.5, "ft-b": 0.5}
    assert "no scale can be chosen" in alone["advice"][0]


def test_a_given_scale_is_taken_and_judged(ev: Evaluator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "soupwidgets.methods.task_vectors.worse_than_best", lambda ev, recipe, names: f"worse than {names}"
    )
    report = make_soup(method_named("arithmetic"), ev.pool, ev, tmp_path / "soup.safetensors", options={"scale": 3.0})
    assert report["recipe"] == dict(Recipe({"ft-a": 3.0, "ft-b": 3.0, "zero-shot": -5.0}))
    assert report["advice"] == ["worse than ['ft-a', 'ft-b']"]
    assert "scales" not in report
    assert "note: worse than" in to_text(report)


def test_what_cannot_be_written_is_refused_before_the_work(ev: Evaluator, tmp_path: Path) -> None:
    (tmp_path / "folder.safetensors").mkdir()
    (tmp_path / "file").write_text("x")
    for out, said in (("folder.safetensors", "is a folder"), ("file/soup.safetensors", "file is no folder")):
        with pytest.raises(ValueError, match=said):
            make_soup(method_named("uniform"), ev.pool, ev, tmp_path / out)
    assert ev.forward_images == 0


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_forbidden_folder_is_refused_before_the_work(ev: Evaluator, tmp_path: Path) -> None:
    (tmp_path / "shut").mkdir(mode=0o500)
    with pytest.raises(ValueError, match="nothing may be written in"):
        make_soup(method_named("uniform"), ev.pool, ev, tmp_path / "shut" / "soup.safetensors")


@pytest.mark.parametrize("method", ["uniform", "ties", "fisher", "greedy"])
def test_a_full_disk_is_a_sentence(method: str, ev: Evaluator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("soupwidgets.checkpoints.writing._reserve", full)
    with pytest.raises(ValueError, match=r"soup\.safetensors: cannot be written \(No space left on device\)"):
        make_soup(method_named(method), ev.pool, ev, tmp_path / "soup.safetensors")
    assert list(tmp_path.glob("*soup.safetensors*")) == []
    if method == "uniform":
        assert ev.stored(Recipe({"ft-a": 0.5, "ft-b": 0.5})) is not None


def test_what_validation_chose_is_told(ev: Evaluator, tmp_path: Path) -> None:
    report = make_soup(method_named("wise-ft-by-group"), ev.pool, ev, tmp_path / "group.safetensors")
    (alpha,) = report["alphas"]
    assert report["recipe"] == dict(Recipe({"zero-shot": 1 - alpha, "ft-a": alpha / 2, "ft-b": alpha / 2}))
    assert f"alpha of each group, the first layers first: {alpha:g}, the best of 5 tried" in to_text(report)
    sure = make_soup(method_named("adamerging"), ev.pool, ev, tmp_path / "sure.safetensors", options={"epochs": 1})
    assert f"epoch 1: entropy {sure['epochs'][0]['loss']:.4f}\n" in to_text(sure)


def test_a_learned_soup_says_what_judged_it(ev: Evaluator, tmp_path: Path) -> None:
    options = {"held_out": 0.25, "patience": 1, "epochs": 3, "learning_rate": 0.1}
    report = make_soup(method_named("learned"), ev.pool, ev, tmp_path / "soup.safetensors", options=options)
    assert report["taken"] == min(range(len(report["epochs"]) + 1), key=[report["held_out"]["start"]["loss"], *(
        epoch["judged"]["loss"] for epoch in report["epochs"])].__getitem__)  # fmt: skip
    text = to_text(report)
    assert "; held-out images: loss " in text
    assert (
        f"is taken: the lowest loss ({report['epochs'][report['taken'] - 1]['judged']['loss']:.4f}) on 100 of 400"
        in text
    )
