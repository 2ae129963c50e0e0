from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from soupwidgets.topics.mistakes.mistake_files import read_mistakes
from soupwidgets.topics.mistakes.review_comparison import compare_reviews
from soupwidgets.topics.mistakes.taxonomy import Mistake
from tests.command import run
from tests.fixtures import ROOT

PUBLISHED = ROOT.parent / "shared" / "published"
FINE = "fine-grained"
A = [
    Mistake("1", 7, FINE, "major"), Mistake("2", 7, FINE, "minor"), Mistake("3", 7, FINE, "major"),
    Mistake("4", 7, FINE, "major"), Mistake("5", 1, FINE, "minor"), Mistake("6", 1, None, None),
]  # fmt: skip
B = [
    Mistake("1", 7, FINE, "major"), Mistake("2", 7, "non-prototypical", "major"), Mistake("3", 8, FINE, "major"),
    Mistake("8", 7, FINE, "major"), Mistake("6", 1, None, "minor"),
]  # fmt: skip


def test_by_hand() -> None:
    found = compare_reviews(A, B, names=("a", "b"), images=100)
    assert [one.image for one in found.only_first] == ["4", "5"]
    assert [one.image for one in found.only_second] == ["8"]
    assert [a.image for a, b in found.both] == ["1", "2", "3", "6"]
    assert [a.image for a, b in found.same_prediction] == ["1", "2", "6"]
    assert [a.image for a, b in found.major_in_both] == ["1", "3"]
    assert [(one.count, one.total) for one in found.counts] == [
        (4, 7), (4, 6), (4, 5), (3, 4), (2, 4), (1, 4),
        # Image 6 was not rated in one of them, and has no category in either.
        (1, 2), (1, 2),
    ]  # fmt: skip
    for one in found.counts:
        exact = stats.binomtest(one.count, one.total).proportion_ci(method="exact")
        assert one.interval == pytest.approx((exact.low, exact.high))
    # A gets 8 right and B not; B gets 4 and 5 right and A not.
    assert (found.mistakes.only_first, found.mistakes.only_second) == (1, 2)
    assert found.mistakes.difference == pytest.approx((2 - 1) / 100)
    assert found.mistakes.p_value == stats.binomtest(1, 3).pvalue
    # Major: A on 1, 3, 4; B on 1, 2, 3, 8.
    assert (found.major.only_first, found.major.only_second) == (2, 1)
    assert found.to_frame()["share"].tolist()[:2] == [4 / 7, 4 / 6]


def test_published_reviews_name_mistakes_alone() -> None:
    found = compare_reviews(A, B)
    assert found.images == 7
    assert found.mistakes.difference == pytest.approx(1 / 7)
    apart = compare_reviews(A[:1], B[3:4])
    assert [one.total for one in apart.counts] == [2, 1, 1, 0, 0, 0, 0, 0]
    assert np.isnan(apart.counts[3].share)
    for first, second, images, why in (
        ([*A, A[0]], B, 100, "the first: '1' has two mistakes"),
        (A, B, 6, "7 images have a mistake, of 6"),
        ([], [], None, "no mistake to compare"),
    ):
        with pytest.raises(ValueError, match=why):
            compare_reviews(first, second, images=images)


def released(severity: str, prediction: int) -> dict[str, object]:
    return {"top_prediction": prediction, "failure category": "Fine-grained error", "failure severity": severity}


def test_the_command(tmp_path: Path) -> None:
    # Entries as they were released for both models.
    first = {
        "ILSVRC2012_val_00001409.JPEG": released("Major", 843),
        "ILSVRC2012_val_00001529.JPEG": released("Minor", 304),
        "ILSVRC2012_val_00003821.JPEG": released("Major", 43),
    }
    second = {
        "ILSVRC2012_val_00001529.JPEG": released("Minor", 304),
        "ILSVRC2012_val_00003821.JPEG": released("Major", 43),
        "ILSVRC2012_val_00004643.JPEG": released("Borderline", 278),
        "ILSVRC2012_val_00005000.JPEG": {**released("Minor", 1), "failure category": "odd\x1b[2J"},
    }
    paths = [tmp_path / "vit3b.json", tmp_path / "soup.json"]
    for path, content in zip(paths, (first, second), strict=True):
        path.write_text(json.dumps(content))
    done = run("mistakes", "compare", *map(str, paths), "--images", "50")
    assert done.returncode == 0, done.stderr
    assert "3 mistakes of vit3b, 4 of soup; 1 and 2 are only theirs." in done.stdout
    assert "soup minus vit3b, images without a mistake: -1 images, -2.00 points of all images" in done.stdout
    assert "soup minus vit3b, images without a major mistake: +1 images, +2.00 points of all images" in done.stdout
    assert f"Warning: {paths[1]}: unknown categories or severities, kept as they are: 'odd [2J' (1 times)" in (
        done.stdout.replace("\n", " ")
    )
    told = json.loads(run("mistakes", "compare", *map(str, paths), "--json", "-").stdout)
    assert told["major_in_both"] == ["ILSVRC2012_val_00003821.JPEG"]
    assert told["counts"][0]["share"] == 2 / 5
    assert told["images"] == 5


def test_the_released_reviews() -> None:
    paths = [PUBLISHED / "imagenet_mistakes_vit3b.json", PUBLISHED / "imagenet_mistakes_greedy_soups.json"]
    if not paths[1].exists():
        pytest.skip("the published figures are not beside this repository")
    soup = read_mistakes(paths[1]).mistakes
    alone = compare_reviews(soup, soup)
    assert (len(alone.both), len(alone.same_prediction), len(alone.major_in_both)) == (249, 249, 89)
    assert alone.mistakes.p_value == 1
    if not paths[0].exists():
        pytest.skip("the released review of the ViT-3B is not beside this repository")
    vit = read_mistakes(paths[0]).mistakes
    found = compare_reviews(vit, soup)
    assert len(found.only_first) + len(found.both) == len(vit)
    assert len(found.only_second) + len(found.both) == 249
    assert 0 < len(found.same_prediction) < len(found.both)
