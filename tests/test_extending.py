"""One file of at most sixty lines adds a method, a transform, a reader and a panel; each is wherever it should be."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import soupwidgets as sw
from soupwidgets import Evaluator, Recipe, Suite
from soupwidgets.methods import all_methods, method, method_named
from soupwidgets.panel import offering
from soupwidgets.panel.panel import Panel
from soupwidgets.suites import AUGMENTATIONS, READERS, TRANSFORMS, Shift, augmentation, reader
from tests import lists
from tests.command import run
from tests.fixtures import ROOT

FILE = ROOT / "tests" / "own_ideas.py"


@pytest.fixture
def restored() -> Iterator[None]:
    """What a test makes known is unknown to the next."""
    known = [(registry, dict(registry)) for registry in (method._METHODS, TRANSFORMS, READERS, offering._EXPLORERS)]
    yield
    for registry, before in known:
        registry.clear()
        registry.update(before)


@pytest.fixture
def own(restored: None) -> ModuleType:
    """The file, imported: all that there is to do in Python."""
    spec = importlib.util.spec_from_file_location("own_ideas", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_file_is_short_and_stands_in_the_guide() -> None:
    lines = FILE.read_text().splitlines()
    assert len(lines) <= 60
    assert f"```python\n{FILE.read_text()}```\n" in (ROOT / "CONTRIBUTING.md").read_text()


def test_the_method_is_in_python_in_the_list_and_on_the_command_line(
    own: ModuleType, tiny_evaluator: Evaluator, tmp_path: Path
) -> None:
    pool, expected = tiny_evaluator.pool, Recipe({"ft-a": 2 / 3, "ft-b": 1 / 3})
    assert sw.falling_soup is sw.methods.falling_soup is own.falling_soup
    assert "falling_soup" in dir(sw)
    assert sw.falling_soup(pool) == expected
    found = method_named("falling")
    assert found in all_methods()
    assert (found.label, found.ordered, found.needs_images, found.writes_file) == ("Falling", True, False, False)
    assert found.make(pool, ["ft-a", "ft-b"], ev=tiny_evaluator).recipe == expected
    assert "An average in which each ingredient counts less" in run("soup", "--help").stdout
    assert "as much as the one before" in " ".join(run("soup", "falling", "--help").stdout.replace("│", "").split())
    done = run(
        "soup", "falling", "--ratio", "0.25", "--pool", str(pool.checkpoints["ft-a"].path.parent),
        "--out", str(tmp_path / "soup.safetensors"), "--json", str(tmp_path / "out.json"),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "out.json").read_text())["recipe"] == {"ft-a": 0.8, "ft-b": 0.2}
    mixer = sw.widgets.SoupMixer(tiny_evaluator)
    assert "Falling" in [control["label"] for control in mixer.controls]
    assert mixer._pot.contents(mixer.do("falling"))[0] == expected


def test_the_transform_is_a_shift_and_an_augmentation(
    own: ModuleType, tiny_evaluator: Evaluator, small_folder: Path, tmp_path: Path
) -> None:
    black = np.zeros((2, 4, 4, 3), np.uint8)
    assert (Shift("fog", 0, {"thickness": (0.4, 0.4)}).apply(black) == 102).all()
    assert "fog" in AUGMENTATIONS
    assert 0 < augmentation("fog", 0.5).once(black).max() <= 102
    # A suite may say it, once the file is imported.
    for file in small_folder.iterdir():
        (tmp_path / file.name).symlink_to(file.resolve())
    manifest = json.loads((tmp_path / "suite.json").read_text())
    files = {key: next(e for e in manifest["splits"] if e["name"] == "test")[key] for key in ("images", "labels")}
    shift = {"corruption": "fog", "seed": 0, "uniform": {"thickness": [0.1, 0.6]}, "either_sign": []}
    manifest["splits"].append({"name": "fog", "role": "shift", **files, "shift": shift})
    (tmp_path / "suite.json").unlink()
    (tmp_path / "suite.json").write_text(json.dumps(manifest))
    suite = Suite.open(tmp_path)
    assert suite["fog"].images.mean() > suite.id_test.images.mean()
    done = run(
        "augment", "affinity", "--pool", str(tiny_evaluator.pool.checkpoints["ft-a"].path.parent),
        "--suite", str(small_folder), "--augmentation", "fog:0.5", "--store", str(tmp_path / "store"), "--json", "-",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)[0]["augmentation"] == "fog 0.5"


def test_the_reader_is_found_by_suite_build(own: ModuleType, tmp_path: Path) -> None:
    assert READERS["npz"] is own.numpy_archive
    images = np.random.default_rng(0).integers(0, 256, (6, 24, 24, 3), dtype=np.uint8)
    np.savez(tmp_path / "own.npz", images=images, labels=np.arange(6) % 3)
    place = f"npz={tmp_path / 'own.npz'}"
    words = ["suite", "build", "--out", str(tmp_path / "suite"), "--size", "24", "--workers", "1", "--id", place]
    done = run(*words, "--val", place)
    assert done.returncode == 0, done.stderr
    suite = Suite.open(tmp_path / "suite")
    assert (suite.classes, len(suite.validation)) == (("class 0", "class 1", "class 2"), 6)
    np.testing.assert_array_equal(suite.id_test.images, images)
    assert "npz, objectnet" in " ".join(run("suite", "build", "--help").stdout.split())
    (tmp_path / "own.npz").write_bytes(b"no archive")
    assert "not an archive of images and labels" in run(*words, "--val", place).stderr


def test_the_panel_is_an_explorer_like_the_others(own: ModuleType, tiny_evaluator: Evaluator, tmp_path: Path) -> None:
    assert sw.widgets.RightAndSure is own.RightAndSure
    assert own.RightAndSure in sw.widgets.all_explorers()
    assert {"RightAndSure", "SoupMixer"} <= set(dir(sw.widgets))
    panel = sw.widgets.RightAndSure(tiny_evaluator)
    for split in ("wave", "test"):
        (table,) = panel.ask(split=split).tables
        scores = {name: tiny_evaluator.evaluate(name)[split] for name in tiny_evaluator.pool}
        assert table.rows == [[name, score.accuracy, score.loss] for name, score in scores.items()]
    panel.split = "wave"
    panel.wait()
    assert panel.view["tables"][0]["rows"] == panel.ask(split="wave").to_json()["tables"][0]["rows"]
    page = panel.to_html(tmp_path / "page.html").read_text()
    content = json.loads(page.split('id="content">')[1].split("</script>")[0])
    assert content["varied"] == {"split": list(tiny_evaluator.suite.splits)}
    assert len(content["answers"]) == len(tiny_evaluator.suite.splits)
    with pytest.raises(ValueError, match=r"split cannot be 'tset'. Did you mean test\?"):
        panel.ask(split="tset")
    panel.close()


def test_what_is_no_explorer_is_refused(restored: None) -> None:
    taken = type("SoupMixer", (Panel,), {"__doc__": "Another one.", "__module__": "elsewhere"})
    with pytest.raises(ValueError, match=r"there is an explorer 'SoupMixer' already, in soupwidgets\.topics\.soup"):
        sw.widgets.explorer(taken)
    with pytest.raises(ValueError, match="_Own cannot be an explorer: it needs a public name"):
        sw.widgets.explorer(type("_Own", (Panel,), {"__doc__": "Mine."}))
    with pytest.raises(ValueError, match="it is no class that is made from Panel"):
        sw.widgets.explorer(print)
    with pytest.raises(AttributeError, match="has no attribute 'Nobodys'"):
        _ = sw.widgets.Nobodys
    assert sw.widgets.explorer(sw.widgets.SoupMixer) is sw.widgets.SoupMixer


def test_all_four_are_in_the_document_that_lists_them(own: ModuleType) -> None:
    text = lists.text()
    assert (
        "| `falling` | `falling_soup` | An average in which each ingredient counts less than the one before. | "
        "an order of ingredients | `ratio` | nobody's |" in text
    )
    assert "| `fog` | Lay white fog over the image. | `thickness` | yes |" in text
    assert "| `npz` | An archive of numpy with `images` (uint8) and `labels`, whole numbers from 0. |" in text
    assert "| `RightAndSure` | How right is each model, and how surely wrong? |" in text


def test_the_document_lists_what_there_is() -> None:
    assert lists.DOCUMENT.read_text() == lists.text(), "run `make lists`"


def test_a_file_in_the_package_is_found_without_being_named(tmp_path: Path) -> None:
    """In a process of its own, with a copy of the package."""
    copy = tmp_path / "soupwidgets"
    copy.mkdir()
    for path in (ROOT / "soupwidgets").iterdir():
        if path.name != "methods":
            (copy / path.name).symlink_to(path)
    (copy / "methods").mkdir()
    for path in (ROOT / "soupwidgets" / "methods").iterdir():
        (copy / "methods" / path.name).symlink_to(path)
    (copy / "methods" / "own_ideas.py").write_text(FILE.read_text())
    code = (
        "import soupwidgets as sw; assert sw.__file__.startswith('" + str(tmp_path) + "'), sw.__file__\n"
        "assert sw.falling_soup is sw.methods.own_ideas.falling_soup\n"
        "assert 'npz' in sw.suites.READERS and 'fog' in sw.suites.AUGMENTATIONS\n"
        "assert sw.widgets.RightAndSure is sw.methods.own_ideas.RightAndSure"
    )
    env = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, env=env)
    assert done.returncode == 0, done.stderr


def test_an_installed_package_extends_the_command_line(
    restored: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own_ideas_installed.py").write_text(FILE.read_text())
    (tmp_path / "own_ideas-1.0.dist-info").mkdir()
    (tmp_path / "own_ideas-1.0.dist-info" / "METADATA").write_text("Name: own-ideas\nVersion: 1.0\n")
    points = "[soupwidgets]\nideas = own_ideas_installed\nbroken = own_ideas_of_nobody\n"
    (tmp_path / "own_ideas-1.0.dist-info" / "entry_points.txt").write_text(points)
    assert "no method 'falling'" in run("soup", "falling").stderr
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "own_ideas_installed", raising=False)
    done = run("soup", "falling", "--help")
    assert done.returncode == 0, done.stderr
    assert "--ratio" in done.stdout
    assert "own_ideas_of_nobody of own-ideas cannot be imported, and is left out (ModuleNotFoundError" in done.stderr
    # A notebook asks for `sw.widgets` alone; what is installed may build on its explorers, and takes no name of theirs.
    with (tmp_path / "own_ideas_installed.py").open("a") as file:
        file.write("from soupwidgets.widgets import AlphaExplorer, all_explorers\n")
    code = """
import soupwidgets as sw
from soupwidgets.panel import Panel
try:
    sw.widgets.explorer(type("Predict", (Panel,), {"__doc__": "Another one."}))
except ValueError as error:
    assert "there is an explorer 'Predict' already, in soupwidgets.topics.prediction.panel" in str(error), error
    print(sw.widgets.RightAndSure.__module__, 'npz' in sw.suites.READERS)
"""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}
    asked = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, env=env)
    assert asked.stdout.strip() == "own_ideas_installed True", asked.stderr


def test_what_is_no_reader_is_refused(restored: None) -> None:
    with pytest.raises(ValueError, match="'My photos' cannot be a kind of data set"):
        reader("My photos")(READERS["folder"])
    with pytest.raises(ValueError, match=r"there is a reader of 'fmow' already, in .*\.wilds"):
        reader("fmow")(READERS["folder"])
    assert reader("photos")(READERS["folder"]) is reader("photos")(READERS["folder"]) is READERS["photos"]
