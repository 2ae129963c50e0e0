"""What a site has in its folder, and what is refused before anything is written."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest

import soupwidgets as sw
from soupwidgets import Evaluator
from soupwidgets.pages import export_site
from soupwidgets.pages.examples import exported_suite
from soupwidgets.pages.limits import limit_tables
from soupwidgets.pool import PoolError
from soupwidgets.site import SiteError
from soupwidgets.stats.intervals import clopper_pearson
from tests.command import run
from tests.fixtures import ROOT, SITE_MODELS


def content(site: Path, page: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(gzip.decompress((site / "data" / f"{page}.json.gz").read_bytes()))
    return found


def test_pages_engine_and_data_are_there_and_all_links_lead_within(exported_site: Path) -> None:
    names = {path.name for path in exported_site.iterdir()}
    assert names == {"index.html", "alpha.html", "soup.html", "landscape.html", "offline.js", "engine", "data"}
    for page in exported_site.glob("*.html"):
        text = page.read_text("utf-8")
        around = text.split("<script", 1)[0]
        links = re.findall(r'(?:href|src)="([^"]*)"', around)
        assert all((exported_site / link).exists() for link in links if link != "data:,")
        assert "{{" not in around
    for page in ("alpha", "soup", "landscape"):
        told = json.loads(re.search(r'id="page">(.*?)</script>', (exported_site / f"{page}.html").read_text())[1])
        assert (exported_site / "engine" / told["manifest"]).exists()
        for name in ("content", "plotly"):
            assert (exported_site / "data" / told[name]["file"]).stat().st_size == told[name]["packed"]


def test_no_name_is_declared_twice_in_a_page(exported_site: Path) -> None:
    """A page's scripts are one module: a browser refuses the whole of it where two of them declare one name."""
    for page in ("alpha", "soup", "landscape"):
        text = (exported_site / f"{page}.html").read_text("utf-8")
        script = max(re.findall(r"<script[^>]*>(.*?)</script>", text, re.DOTALL), key=len)
        names = re.findall(r"^(?:export )?(?:const|let|function\*?|async function|class) (\w+)", script, re.MULTILINE)
        assert len(names) > 20
        assert sorted({name for name in names if names.count(name) > 1}) == []


def test_a_page_of_two_models_has_the_weights_of_two(exported_site: Path) -> None:
    alpha, whole = (
        json.loads((exported_site / "engine" / f"{name}.json").read_text()) for name in ("alpha", "manifest")
    )
    assert alpha["checkpoints"] == SITE_MODELS[:2]
    assert whole["checkpoints"] == SITE_MODELS
    assert alpha["splits"] == whole["splits"]
    assert 2 * alpha["weights"]["packed"] < 1.5 * whole["weights"]["packed"]


def test_what_is_recorded_is_of_the_exported_images(exported_site: Path, exported_evaluator: Evaluator) -> None:
    own = exported_evaluator
    found = content(exported_site, "alpha")
    assert found["varied"]["alpha"] == [i / 20 for i in range(21)]
    expected = own.evaluate(sw.wise_ft(own.pool, "ft-03", 0.5))["test"]
    words = json.dumps(found)
    low, high = (f"{100 * end:.1f}%" for end in expected.interval)
    assert f"test {expected.accuracy:.2%} ({low} to {high}, {expected.correct} of 90)" in words
    assert "alpha 0.5: exact, 360 of 360 images" in words
    assert "Click one to follow it" not in words
    assert "data:image/png" not in words


def test_a_sample_is_the_evaluators_first_images(small_evaluator: Evaluator) -> None:
    suite = exported_suite(small_evaluator, ["noise"], 30)
    assert {name: len(split) for name, split in suite.splits.items()} == {"val": 30, "test": 30, "noise": 30}
    order = sorted(small_evaluator.reader(small_evaluator.suite.splits["noise"]).order[:30])
    assert (suite["noise"].images == small_evaluator.suite["noise"].images[order]).all()
    assert suite["noise"].labels.tolist() == small_evaluator.suite["noise"].labels[order].tolist()


def test_more_shifts_than_a_page_records_are_refused(
    small_evaluator: Evaluator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("soupwidgets.pages.examples._MOST_SHIFTS", 1)
    with pytest.raises(SiteError, match=r"8 are too many: choose 1 at most with splits"):
        exported_suite(small_evaluator, None, 10)
    assert len(exported_suite(small_evaluator, ["noise"], 10)) == 3


def test_limits_are_those_of_the_figures() -> None:
    class Sized:
        def __init__(self, size: int) -> None:
            self.size = size

        def __len__(self) -> int:
            return self.size

    tables = limit_tables([Sized(10), Sized(500)])
    assert {size: len(low) for size, (low, _) in tables.items()} == {10: 11, 64: 65, 500: 501}
    low, high = tables[500]
    assert (low[360], high[360]) == tuple(clopper_pearson(360, 500).tolist())


def test_the_plane_of_a_landscape_is_that_of_its_recipes(exported_site: Path, exported_evaluator: Evaluator) -> None:
    plane = content(exported_site, "landscape")["live"]["plane"]
    expected = sw.landscape.plane_through(exported_evaluator.pool, plane["names"]).at(0.4, 0.7)
    found = [o + 0.4 * u + 0.7 * v for o, u, v in zip(plane["origin"], plane["u"], plane["v"], strict=True)]
    assert found == pytest.approx([expected[name] for name in plane["names"]], abs=1e-12)


@pytest.mark.parametrize(
    ("asked", "error", "said"),
    [
        ({"fine_tuned": ["ft-z"]}, PoolError, "ft-z"),
        ({"fine_tuned": []}, SiteError, "at least one fine-tuned model"),
        ({"splits": ["fog"]}, KeyError, "no split 'fog'"),
        ({"accept_mb": 1.0}, SiteError, r"would fetch .* MB, .* export fewer .*--accept-mb"),
    ],
)
def test_what_cannot_be_exported_is_said_before_anything_is_written(
    tiny_evaluator: Evaluator, tmp_path: Path, asked: dict[str, Any], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        export_site(tmp_path / "site", tiny_evaluator, **{"splits": ["noise"], "examples": 8, **asked}, progress=False)
    assert not (tmp_path / "site").exists()
    assert list(tmp_path.glob(".site-*")) == []


def test_the_command_refuses_what_is_too_large_and_says_what_to_do(tmp_path: Path) -> None:
    zoo, suite = ROOT / "soupwidgets/miniature/zoo", ROOT / "soupwidgets/miniature/suite"
    asked = ["--pool", str(zoo), "--suite", str(suite), "--fine-tuned", "ft-03", "--split", "noise", "--examples", "8"]
    done = run("export", str(tmp_path / "site"), *asked, "--accept-mb", "2", "--store", str(tmp_path / "store"))
    assert done.returncode == 2
    assert "alpha.html would fetch" in done.stderr
    assert "--accept-mb" in done.stderr
    assert not (tmp_path / "site").exists()
