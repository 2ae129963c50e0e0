"""Accuracies of others, in every form in which they are published."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from soupwidgets.topics.frontier.point import point as frontier_point
from soupwidgets.topics.frontier.published import (
    matching_points,
    read_accuracy_table,
    read_individual_results,
    why_unmatched,
)
from tests.fixtures import ROOT

PUBLISHED = ROOT.parent / "shared" / "published" / "model_soups_individual_results.jsonl"
WIDE = (
    ",val,imagenetv2-matched-frequency-format-val,objectnet-1.0-beta,imagenet-a,year,training data,parameters\n"
    "resnet50,76.13,63.2,29.0,0.0,2015,ILSVRC,25557032\n"
    "clip,63.34,55.94,,14.5,2021,400M,151277313\n"
    ",,,,,,,\n"
    "late,80,70,40,0.7,2022,ILSVRC,1\n"
)


def test_a_wide_table_in_percent(tmp_path: Path) -> None:
    path = tmp_path / "testbed.csv"
    path.write_text(WIDE)
    models = read_accuracy_table(path)
    assert list(models.evaluations) == ["resnet50", "clip", "late"]
    resnet = models.evaluations["resnet50"].scores
    assert (resnet["val"].role, resnet["val"].correct, resnet["val"].total) == ("id_test", 38_065, 50_000)
    assert resnet["imagenetv2-matched-frequency-format-val"].total == 10_000
    assert resnet["objectnet-1.0-beta"].total == 18_574
    # Below one percent, in a table of percentages: 0.7 % of 7,500 images are 52.5.
    assert models.evaluations["late"].scores["imagenet-a"].correct == 52
    assert "objectnet-1.0-beta" not in models.evaluations["clip"].scores
    assert models.hyperparameters["clip"] == {"year": "2021", "training data": "400M", "parameters": "151277313"}
    points = matching_points(models, ["ObjectNet"], "ObjectNet")
    assert {name: round(point.ood, 4) for name, point in points.items()} == {"resnet50": 0.29, "late": 0.4}
    assert points["late"].id == 0.8


def test_a_wide_table_of_shares(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("\ufeffname,test,fog,epochs\na,0.5,0.25,90\nb,1,0.75,30\n")
    models = read_accuracy_table(path)
    point = frontier_point(models.evaluations["a"], "fog")
    assert (point.id, point.ood) == (0.5, 0.25)
    assert models.hyperparameters["b"] == {"epochs": "30"}
    path.write_text("name,mine,fog\na,0.5,0.25\n")
    assert frontier_point(read_accuracy_table(path, id_test="mine").evaluations["a"], "fog").id == 0.5


def test_json_lines_of_the_model_soups_release(tmp_path: Path) -> None:
    path = tmp_path / "renamed.txt"
    records = [{"model_name": "a", "ImageNet": 0.75, "ImageNetV2": 0.6}, {"model_name": "b", "ImageNet": 0.5}]
    path.write_text("\n".join(map(json.dumps, records)))
    models = read_accuracy_table(path)
    assert models.evaluations["a"].scores["ImageNetV2"].correct == 6000
    assert models.evaluations["b"].accuracy == {"ImageNet": 0.5}


@pytest.mark.skipif(not PUBLISHED.exists(), reason=f"the published figures are not at {PUBLISHED}")
def test_the_released_lines_are_read_as_by_their_own_reader() -> None:
    ours, theirs = read_accuracy_table(PUBLISHED), read_individual_results(PUBLISHED)
    assert len(ours.evaluations) == 72
    for name, evaluation in theirs.evaluations.items():
        found = ours.evaluations[name].scores
        assert {d: (s.role, s.total, s.correct) for d, s in found.items()} == {
            d: (s.role, s.total, s.correct) for d, s in evaluation.scores.items()
        }


def test_results_of_the_wise_ft_release_are_recognised(tmp_path: Path) -> None:
    path = tmp_path / "r.txt"
    path.write_text(json.dumps({"exp_name": "b32", "alpha": 0.5, "ImageNet:top1": 0.7, "ImageNetV2:top1": 0.6}))
    assert list(read_accuracy_table(path).evaluations) == ["b32 alpha 0.5"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "cannot be read as a table"),
        ("model,val,val\na,1,2\n", "two columns are named 'val'"),
        ("model,test\na,1\na,2\n", "line 3: 'a' occurs twice"),
        ("model,test\n ,1\n", "line 2: the model has no name"),
        ("model,val\na,1,2\n", "line 2: 3 cells, the header has 2"),
        ("model,val\na,0.5\nb,half\n", "line 3: 'half' is not an accuracy on 'val'"),
        ("model,val\na,0.5\nb,101\n", "line 3: '101' is not an accuracy on 'val'"),
        ("model,val\na,0.5\nb,-0.1\n", "line 3: '-0.1' is not an accuracy on 'val'"),
        ("model,val\na,\n", "line 2: '' is not an accuracy on 'val'"),
        ("model,fog\na,1\n", "none of a known in-distribution test .* among fog"),
        ("model,dataset,accuracy,images\na,x,1,1e300\n", "line 2: '1e300' is not a number of images"),
        ('{"model_name": "a", "ImageNet": true}', "line 1: True is not an accuracy on 'ImageNet'"),
        ('{"model_name": 7, "ImageNet": 0.5}', "line 1: the model has no name"),
        ('{"model_name": "a", "ImageNet": 1' + "0" * 400 + "}", "is not an accuracy on 'ImageNet'"),
        ("{}", "none of a known in-distribution test"),
        ("{" * 100_000, "line 1: not JSON"),
        ("a" * 200_000 + ",val\n", "field larger"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, why: str) -> None:
    path = tmp_path / "table"
    path.write_text(text)
    with pytest.raises(ValueError, match=why) as error:
        read_accuracy_table(path)
    assert str(path) in str(error.value)
    assert len(str(error.value)) < len(str(path)) + 600


@pytest.mark.parametrize("kind", ["folder", "missing", "binary"])
def test_files_that_cannot_be_read(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "table"
    if kind == "folder":
        path.mkdir()
    elif kind == "binary":
        path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match=str(path)):
        read_accuracy_table(path)


LONG = "model,dataset,accuracy\n" + "".join(
    f"{m},val,0.{m}1\n{m},test,0.{m}2\n{m},fog,0.{m}3\n{m},snow,0.{m}4\n" for m in range(1, 6)
)
OWN = "model,val,test,fog,snow\n" + "".join(f"{m},0.{m}1,0.{m}2,0.{m}3,0.{m}4\n" for m in range(1, 6))


@pytest.mark.parametrize("text", [LONG, OWN], ids=["long", "wide"])
def test_the_names_of_our_own_splits(tmp_path: Path, text: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text(text)
    models = read_accuracy_table(path)
    scores = models.evaluations["3"].scores
    assert [score.role for score in scores.values()] == ["validation", "id_test", "shift", "shift"]
    assert scores["val"].total == 1  # nobody knows how many
    points = matching_points(models, ["fog", "snow"], None)
    assert [point.id for point in points.values()] == [0.12, 0.22, 0.32, 0.42, 0.52]
    assert points["3"].ood == pytest.approx(0.335)


@pytest.mark.parametrize(
    ("columns", "id_test", "roles", "images"),
    [
        ("val,imagenet-a", None, ["id_test", "shift"], 50_000),
        ("val,fog", "val", ["id_test", "shift"], 1),
        ("val,ImageNet,imagenet-a", None, ["validation", "id_test", "shift"], 1),
        ("val,test,imagenet-a", None, ["validation", "id_test", "shift"], 1),
        ("ImageNet,test,imagenet-a", None, ["validation", "id_test", "shift"], 50_000),
        ("ImageNet,mine,imagenet-a", "mine", ["validation", "id_test", "shift"], 50_000),
    ],
)
def test_a_table_has_one_in_distribution_test(
    tmp_path: Path, columns: str, id_test: str | None, roles: list[str], images: int
) -> None:
    names = columns.split(",")
    wide, long, lines = tmp_path / "wide.csv", tmp_path / "long.csv", tmp_path / "results.jsonl"
    wide.write_text(f"model,{columns}\na{',0.5' * len(names)}\n")
    long.write_text("model,dataset,accuracy\n" + "".join(f"a,{name},0.5\n" for name in names))
    lines.write_text(json.dumps({"exp_name": "a", **{f"{name}:top1": 0.5 for name in names}}))
    for path in (wide, long, lines):
        models = read_accuracy_table(path, id_test)
        scores = models.evaluations["a"].scores
        assert [scores[name].role for name in names] == roles
        assert scores[names[0]].total == images
        assert list(matching_points(models, [names[-1]], names[-1])) == ["a"]
        with pytest.raises(ValueError, match="no data set 'nobody'") as error:
            read_accuracy_table(path, "nobody")
        assert str(path) in str(error.value)


def test_two_spellings_of_the_in_distribution_test_are_one(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("model,ImageNet,imagenet-val,fog\na,0.5,0.5,0.25\nb,,0.75,0.5\n")
    points = matching_points(read_accuracy_table(path), ["fog"], "fog")
    assert {name: point.id for name, point in points.items()} == {"a": 0.5, "b": 0.75}


def test_an_unknown_in_distribution_test_can_be_named_by_every_caller(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("model,val,fog\na,0.5,0.25\n")
    with pytest.raises(ValueError, match="--id-test NAME on the command line, in Python read_accuracy_table"):
        read_accuracy_table(path)
    path.write_text("model,dataset,accuracy\na,val,0.5\na,fog,0.25\n")
    models = read_accuracy_table(path)
    assert matching_points(models, ["fog"], "fog") == {}
    why = why_unmatched(models, ["fog"])
    assert "on fog; its data sets are val, fog, none of which is known" in why
    assert "--id-test" in why
