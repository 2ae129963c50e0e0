from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import soupwidgets as sw
from soupwidgets.topics.frontier.point import point as frontier_point
from soupwidgets.topics.frontier.published import read_accuracy_table, read_individual_results, read_results_jsonl
from tests.fixtures import ROOT

PUBLISHED = ROOT.parent / "shared" / "published"
RECORD = {"ImageNet2p": 0.8, "ImageNet": 0.75, "ImageNetV2": 0.6, "ImageNetSketch": 0.0, "ImageNetR": 0.5,
          "ObjectNet": 0.5, "ImageNetA": 0.2}  # fmt: skip


def write(path: Path, *records: object) -> Path:
    path.write_text("\n".join(record if isinstance(record, str) else json.dumps(record) for record in records))
    return path


def test_by_hand(tmp_path: Path) -> None:
    path = write(
        tmp_path / "r.jsonl",
        {"model_name": "a", **RECORD},
        {"model_name": "b", **RECORD, "ImageNet2p": 0.9},
        "",
        {"model_name": "c", **RECORD},
    )
    hparams = tmp_path / "h.json"
    hparams.write_text(json.dumps({"a": {"lr": 1e-5}, "x": {}}))
    models = read_individual_results(path, hparams)
    assert models.ranking == ["b", "a", "c"]
    a = models.evaluations["a"]
    assert a.scores["ImageNet"].correct == 37_500
    assert a.scores["ImageNet"].role == "id_test"
    assert a.shift_accuracy == pytest.approx((0.6 + 0 + 0.5 + 0.5 + 0.2) / 5)
    assert a.exact
    assert models.hyperparameters == {"a": {"lr": 1e-5}}


@pytest.mark.parametrize(
    "record",
    [
        "not json",
        "[]",
        "[" * 100_000,
        {"model_name": "a"},
        {"model_name": "a", **RECORD, "ImageNet": 1.5},
        {"model_name": "a", **RECORD, "ImageNet": "0.5"},
        {"model_name": "a", **RECORD, "ImageNet": True},
        {"model_name": "a", **RECORD, "ImageNet": 0.750013},
        {"model_name": "first", **RECORD},
    ],
)
def test_other_lines_are_named(tmp_path: Path, record: object) -> None:
    path = write(tmp_path / "r.jsonl", {"model_name": "first", **RECORD}, record)
    with pytest.raises(ValueError, match=r"r\.jsonl, line 2: "):
        read_individual_results(path)


def test_empty_files_and_other_hyperparameters(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no record"):
        read_individual_results(write(tmp_path / "r.jsonl", ""))
    path = write(tmp_path / "r.jsonl", {"model_name": "a", **RECORD})
    for text in ("[1", '{"a": 3}'):
        (tmp_path / "h.json").write_text(text)
        with pytest.raises(ValueError, match=r"h\.json"):
            read_individual_results(path, tmp_path / "h.json")


@pytest.mark.skipif(not PUBLISHED.is_dir(), reason=f"the published figures are not at {PUBLISHED}")
def test_the_72_released_models() -> None:
    models = read_individual_results(
        PUBLISHED / "model_soups_individual_results.jsonl", PUBLISHED / "model_soups_hparam_info.json"
    )
    assert len(models.evaluations) == len(models.hyperparameters) == 72
    raw = [json.loads(line) for line in (PUBLISHED / "model_soups_individual_results.jsonl").read_text().splitlines()]
    held_out = {record["model_name"]: record["ImageNet2p"] for record in raw}
    ranked = [held_out[name] for name in models.ranking]
    assert ranked == sorted(ranked, reverse=True)
    assert models.ranking[0] == "model_43"
    best = models.evaluations["model_43"]
    assert best.accuracy["ImageNet"] == 0.80386  # the best individual model of the paper's table 2: 80.38
    assert frontier_point(best).ood == pytest.approx(
        sum(raw[43][d] for d in ("ImageNetV2", "ImageNetSketch", "ImageNetR", "ObjectNet", "ImageNetA")) / 5, abs=1e-9
    )
    low, high = best.interval["ImageNet"]
    assert 0.800 < low < 0.80386 < high < 0.808
    figure = sw.soup.figures.frontier(models.evaluations, zero_shot="model_0")
    assert len(figure.data[0].x) == 72
    rates = {name: hp["lr"] for name, hp in models.hyperparameters.items() if "lr" in hp}
    figure = sw.soup.figures.hyperparameter(
        rates, models.evaluations, name="learning rate", split="ImageNet2p", log=True
    )
    assert len(figure.data[0].x) == 71
    assert "model_43" in sw.figures.text_alternative(figure)


def test_results_of_the_wise_ft_release(tmp_path: Path) -> None:
    path = write(
        tmp_path / "results.jsonl",
        {"exp_name": "b32", "alpha": 0.0, "lr": 1e-5, "ImageNet:top1": 0.6338, "ImageNetV2:top1": 0.5594},
        {"exp_name": "b32", "alpha": 0.5, "lr": 1e-5, "ImageNet:top1": 0.7, "ImageNetV2:top1": 0.6},
        {"exp_name": "b32", "alpha": 0.5, "lr": 1e-5, "ImageNet:top1": 0.75, "ImageNetV2:top1": 0.65},
    )
    models = read_results_jsonl(path)
    assert list(models.evaluations) == ["b32 alpha 0", "b32 alpha 0.5"]
    half = models.evaluations["b32 alpha 0.5"]
    assert half.scores["ImageNet"].correct == 37_500  # the release appends: the last of equals counts
    assert (half.scores["ImageNet"].role, half.scores["ImageNetV2"].role) == ("id_test", "shift")
    assert models.hyperparameters["b32 alpha 0"] == {"exp_name": "b32", "alpha": 0.0, "lr": 1e-5}
    for wrong in ("[]", "{", {"alpha": 0.5}, {"ImageNet:top1": 2}, {"ImageNet:top1": True}):
        with pytest.raises(ValueError, match=r"w\.jsonl, line 1: "):
            read_results_jsonl(write(tmp_path / "w.jsonl", wrong))


def test_a_table_of_accuracies(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(
        "model,dataset,accuracy,images,year\n"
        "resnet,imagenet-val,76.1,,2015\nresnet,ImageNet-V2,63.2,,2015\nresnet,my-fog,50,200,2015\nresnet,other,40,,2015\n"
    )
    models = read_accuracy_table(path)
    scores = models.evaluations["resnet"].scores
    assert scores["imagenet-val"].role == "id_test"
    assert scores["imagenet-val"].correct == 38_050
    assert (scores["ImageNet-V2"].total, scores["my-fog"].total) == (10_000, 200)
    assert scores["other"].accuracy == 0.4
    assert all(np.isnan(scores["other"].interval))
    assert models.hyperparameters["resnet"] == {"year": "2015"}
    path.write_text("model,dataset,accuracy\na,test,0.5\na,fog,0.25\n")
    found = frontier_point(read_accuracy_table(path).evaluations["a"])
    assert (found.id, found.ood) == (0.5, 0.25)
    own = read_accuracy_table(path, id_test="fog").evaluations["a"].scores["fog"]
    assert own.role == "id_test"
    for text, why in (
        ("model,accuracy\na,1\n", "no column 'dataset'"),
        ("model,dataset,accuracy\n", "no column 'model'"),
        ("model,dataset,accuracy\na,x,half\n", "line 2: 'half'"),
        ("model,dataset,accuracy\na,x,nan\n", "line 2: 'nan'"),
        ("model,dataset,accuracy\na,x,-1\n", "line 2: '-1'"),
        ("model,dataset,accuracy\na,x,101\n", "line 2: the accuracy on 'x' is 1.01"),
        ("model,dataset,accuracy\na,x,1\na,x,1\n", "line 3: 'a' has two accuracies"),
    ):
        path.write_text(text)
        with pytest.raises(ValueError, match=why):
            read_accuracy_table(path)
