from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from soupwidgets.topics.mistakes.mistake_files import (
    FACTORS,
    factor_scores,
    read_factors,
    read_human_accuracy,
    read_mistakes,
)
from soupwidgets.topics.mistakes.multi_labels import multi_label_accuracy, slice_score
from soupwidgets.topics.mistakes.taxonomy import CATEGORIES, mistake_table, normal_category
from soupwidgets.topics.review.report import summary_report, summary_text
from tests.fixtures import ROOT

PUBLISHED = ROOT.parent / "shared" / "published" / "imagenet_mistakes_greedy_soups.json"
NAMES = tuple(f"ILSVRC2012_val_{i:08}.JPEG" for i in range(1, 5))
SPLIT = SimpleNamespace(name="test", file_names=NAMES, labels=np.array([0, 1, 1, 2]))
SYNSETS = ["n01440764", "n01443537", "n01484850"]
HUMAN = {
    "initial_annots": {
        NAMES[0]: {"correct": [SYNSETS[0]], "wrong": [SYNSETS[2]]},
        NAMES[1]: {"correct": [SYNSETS[1], SYNSETS[2]], "unclear": [SYNSETS[0]]},
        NAMES[3]: {"correct": [SYNSETS[2]]},
        "imagenetv2_0001.jpeg": {"correct": [SYNSETS[2]]},
    },
    "problematic_images": {NAMES[3]: "blurred"},
    "imagenet_m": [NAMES[1]],
}
Write = Callable[[object], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def made(content: object) -> Path:
        path = tmp_path / "file.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    return made


def test_reviewed_labels_of_imagenet(write: Write) -> None:
    found = read_human_accuracy(write(HUMAN), SPLIT, synsets=SYNSETS)  # type: ignore[arg-type]
    assert found.elsewhere == 1
    assert sorted(found.labels.images) == [0, 1, 3]
    assert found.labels.images[1].correct == {1, 2}
    assert found.labels.images[1].unclear == {0}
    assert found.labels.images[0].wrong == {2}
    assert found.labels.images[3].problematic
    assert found.labels.major == (1,)
    score = multi_label_accuracy(np.array([2, 0, 1, 0]), SPLIT.labels, found.labels, 3)
    assert (score.accuracy, score.problematic, score.missing) == (0.5, 1, 1)
    assert slice_score(np.array([2, 0, 1, 0]), found.labels).right == 1


def test_the_thousand_classes_are_known_by_their_synsets(write: Write) -> None:
    found = read_human_accuracy(write(HUMAN), SPLIT)  # type: ignore[arg-type]
    # Tench, goldfish and great white shark are ImageNet's first three.
    assert found.labels.images[1].correct == {1, 2}


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("{", "not a readable JSON"),
        ([], "expected an object, found list"),
        ({"initial_annots": []}, "no dict 'initial_annots'"),
        ({**HUMAN, "imagenet_m": 7}, "no list 'imagenet_m'"),
        ({**HUMAN, "initial_annots": {NAMES[0]: ["x"]}}, "expected lists of synsets, found list"),
        ({**HUMAN, "initial_annots": {NAMES[0]: {"correct": ["n0"]}}}, "correct: no class has the synset 'n0'"),
        ({**HUMAN, "initial_annots": {NAMES[0]: {"wrong": "n01440764"}}}, "wrong: no class has the synset"),
        ({**HUMAN, "initial_annots": {NAMES[0]: {"wrong": [["n01440764"]]}}}, "wrong: no class has the synset"),
    ],
)
def test_other_files_are_told_apart(write: Write, content: object, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read_human_accuracy(write(content), SPLIT, synsets=SYNSETS)  # type: ignore[arg-type]


def test_a_split_without_names_cannot_be_annotated(write: Write) -> None:
    with pytest.raises(ValueError, match="does not know what the images of 'test' are called"):
        read_human_accuracy(write(HUMAN), SimpleNamespace(name="test", file_names=None), synsets=SYNSETS)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("spelling", "meant"),
    [
        ("Fine-grained error", 0), ("fine grained", 0), ("Fine-grained with OOV", 1),
        ("Fine-grained error with OOV", 1), ("Spurious Correlation", 2), ("NON-PROTOTYPICAL", 3),
    ],
)  # fmt: skip
def test_spellings_mean_one_category(spelling: str, meant: int) -> None:
    assert normal_category(spelling) == CATEGORIES[meant]


def entry(category: str = "Fine-grained error", severity: str = "Minor", prediction: object = 3) -> dict[str, object]:
    return {"top_prediction": prediction, "failure category": category, "failure severity": severity}


def test_borderline_counts_as_minor_and_is_reported(write: Write) -> None:
    found = read_mistakes(write({"a": entry(severity="Borderline"), "b": entry("non-prototypical", "major")}))
    assert [(m.severity, m.borderline) for m in found.mistakes] == [("minor", True), ("major", False)]
    assert found.normalised == {"Fine-grained error": "fine-grained", "Borderline": "minor"}
    assert found.counts == {"Fine-grained error": 1, "Borderline": 1}


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ({"a": []}, "a: no"),
        ({"a": {}}, "a: no 'top_prediction'"),
        ({"a": entry("ugly", "huge")}, "it has no known category or severity"),
        ({"a": entry(prediction=10**30)}, "is not the number of a class"),
        ({"a": entry(prediction="7")}, "'7' is not the number of a class"),
        ({"a": entry(prediction=True)}, "True is not the number of a class"),
    ],
)
def test_a_malformed_review_names_the_image(write: Write, content: object, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read_mistakes(write(content))


def test_the_published_mistakes_of_the_greedy_soup() -> None:
    if not PUBLISHED.exists():
        pytest.skip("the published figures are not beside this repository")
    found = read_mistakes(PUBLISHED)
    table = mistake_table(found.mistakes)
    assert table.loc["all", "all"] == 249
    assert table.loc["all", ["major", "minor", "borderline"]].tolist() == [89, 160, 49]
    assert table.loc[list(CATEGORIES), "all"].tolist() == [172, 26, 32, 19]
    assert found.counts["Fine-grained with OOV"] == 9
    assert found.counts["Fine-grained error with OOV"] == 17
    assert table.loc["all", "share major"] == pytest.approx(89 / 249)
    assert len({m.image for m in found.mistakes}) == 249


def factor_line(name: str, *marked: str) -> str:
    return json.dumps({"file_name": name, "class": 1, **{f: int(f in marked) for f in FACTORS}, "one_word": "x"})


def test_factors_tell_where_a_model_errs(write: Write) -> None:
    lines = [
        factor_line(NAMES[2], "pose"),
        factor_line(NAMES[0], "pose", "texture"),
        factor_line(NAMES[3], "background"),
        factor_line("other.JPEG", "pose"),
        "",
    ]
    found = read_factors(write("\n".join(lines)), SPLIT)  # type: ignore[arg-type]
    assert found.rows.tolist() == [0, 2, 3]
    assert found.elsewhere == 1
    scores = {s.factor: s for s in factor_scores(np.array([False, True, True, True]), found)}
    assert scores["pose"].accuracy == 0.5
    # One error in two against one in three.
    assert scores["pose"].error_ratio == pytest.approx(1.5)
    assert scores["texture"].error_ratio == pytest.approx(3.0)
    assert scores["background"].error_ratio == 0
    assert "style" not in scores
    assert next(iter(scores)) == "texture"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{}\n", "line 1: not an annotation"),
        (factor_line(NAMES[0]) + "\n" + factor_line(NAMES[0]), "line 2: .* annotated twice"),
        (factor_line("other"), "none of its 1 images"),
        ("7", "line 1"),
    ],
)
def test_a_bad_line_is_named(write: Write, text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read_factors(write(text), SPLIT)  # type: ignore[arg-type]


def test_a_category_that_nobody_planned_for_is_kept_and_reported(write: Write) -> None:
    content = {str(i): entry() for i in range(300)}
    content["7"]["failure category"] = "Fine-grained with Multilabel Options"
    content["8"] = entry(None, "huge\x1b[2J")  # type: ignore[arg-type]
    content["9"] = entry("all")
    found = read_mistakes(write(content))
    assert len(found.mistakes) == 300
    assert found.mistakes[7].category == "Fine-grained with Multilabel Options"
    assert (found.mistakes[8].category, found.mistakes[8].severity) == (None, None)
    assert found.unknown == {"Fine-grained with Multilabel Options": 1, "": 1, "huge [2J": 1, "all": 1}
    assert found.warning.startswith("unknown categories or severities, kept as they are: 'Fine-grained with Mul")
    assert found.counts["Fine-grained error"] == 297
    table = mistake_table(found.mistakes)
    assert table["all"].to_dict() == {
        **dict.fromkeys(CATEGORIES, 0), "fine-grained": 297, "Fine-grained with Multilabel Options": 1, "'all'": 1,
        "not said": 1, "all": 300,
    }  # fmt: skip
    assert read_mistakes(write({"a": entry()})).warning == ""


def test_the_command_line_says_what_was_not_understood(write: Write) -> None:
    path = write({"a": entry(), "b": entry("odd")})
    text = summary_text(summary_report(str(path)))
    assert text.endswith("Warning: unknown categories or severities, kept as they are: 'odd' (1 times)\n")
