"""What `import soupwidgets` offers, and what it answers to a wrong guess."""

from __future__ import annotations

import subprocess
import sys

import pytest

import soupwidgets as sw


def test_every_room_is_there_when_it_is_asked_for() -> None:
    code = (
        "import sys, soupwidgets as sw\n"
        "unloaded = ('soupwidgets.topics', 'soupwidgets.panel', 'soupwidgets.figures', 'plotly')\n"
        "assert not [name for name in sys.modules if name.startswith(unloaded)]\n"
        "sw.training.fine_tune, sw.review.ReviewSession, sw.spectrum.run_label_noise_study, sw.suites.Suite\n"
        "sw.methods.ties, sw.models.Architecture, sw.landscape.figures.contour, sw.widgets, sw.zoo, sw.stats\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_dir_lists_everything_and_nothing_else() -> None:
    listed = dir(sw)
    assert {*sw.__all__, "training", "review", "landscape", "suites", "methods", "zoo", "__version__"} <= set(listed)
    assert not {"importlib", "annotations", "Any", "nearest"} & set(listed)
    assert all(hasattr(sw, name) for name in listed)


@pytest.mark.parametrize(
    ("guess", "meant"),
    [
        ("greedy", "soupwidgets.greedy_soup or"),
        ("evaluator", "soupwidgets.Evaluator?"),
        ("wiseft", "soupwidgets.wise_ft?"),
        ("AlphaExplorer", "soupwidgets.widgets.AlphaExplorer?"),
        ("Explorer", "soupwidgets.panel.explorer?"),
        ("finetune", "soupwidgets.training.fine_tune?"),
        ("Landscapes", "soupwidgets.landscape.Landscape"),
        ("build_zo", "soupwidgets.zoo.build_zoo?"),
        ("qqq", "dir(soupwidgets) lists all names."),
    ],
)
def test_a_wrong_guess_is_answered(guess: str, meant: str) -> None:
    with pytest.raises(AttributeError) as told:
        getattr(sw, guess)
    assert f"has no attribute {guess!r}. " in str(told.value)
    assert meant in str(told.value)


def test_what_builds_the_answers_is_no_name_of_the_package() -> None:
    assert not {"nearest", "did_you_mean"} & set(vars(sw))


def test_tools_are_answered_in_short() -> None:
    with pytest.raises(AttributeError, match=r"has no attribute '_repr_html_'$"):
        _ = sw._repr_html_
