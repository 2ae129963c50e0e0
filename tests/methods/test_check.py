from __future__ import annotations

import warnings

import pytest
import torch

from soupwidgets import Evaluator, Pool, Recipe, SoupWarning, Store, Suite, check_soup, save_mixture, uniform_soup
from soupwidgets.mixing import PoolMatrix
from tests.fixtures import TINY, WriteCheckpoint


def test_a_good_soup_has_nothing_odd(small_evaluator: Evaluator) -> None:
    assert list(check_soup(small_evaluator, Recipe({"ft-03": 0.5, "ft-08": 0.3, "ft-00": 0.2}))) == []
    assert list(check_soup(small_evaluator, Recipe({"ft-03": 0.5, "zero-shot": 0.2, "ft-00": 0.3}))) == []


def test_barrier_zero_shot_and_single_ingredient(evaluator: Evaluator) -> None:
    (barrier,) = check_soup(evaluator, Recipe({"ft-03": 0.6, "ft-08": 0.2, "bad-lr": 0.2}))
    assert barrier.startswith("between 'ft-03' and 'bad-lr' lies a barrier: halfway, validation accuracy is ")
    first, *_ = check_soup(evaluator, Recipe({"ft-03": 0.5, "zero-shot": 0.5}))
    assert "'zero-shot' is the zero-shot model" in first
    assert list(check_soup(evaluator, Recipe({"ft-03": 1}))) == ["nothing is mixed: 'ft-03' is the only ingredient"]


@pytest.fixture
def broken_pool(write_checkpoint: WriteCheckpoint) -> Pool:
    torch.manual_seed(0)
    for name in ("a", "b", "nan"):
        state = TINY.build().state_dict()
        if name == "nan":
            state["visual.proj"][0, 0] = float("nan")
            state["head.weight"][1, 2] = float("inf")
        path = write_checkpoint(name, state, architecture=TINY.to_json())
    return Pool.open(path.parent)


def test_values_that_are_not_finite_are_pointed_out_wherever_they_enter(broken_pool: Pool, suite: Suite) -> None:
    sentence = r"'nan' has values that are not finite, in head\.weight and 1 more tensors: every mixture"
    folder = broken_pool.checkpoints["a"].path.parent
    with pytest.warns(SoupWarning, match=sentence):
        save_mixture(broken_pool, uniform_soup(broken_pool), folder / "soup.pt", progress=False)
    with pytest.warns(SoupWarning, match=sentence):
        PoolMatrix(broken_pool, torch.device("cpu")).row("nan")
    ev = Evaluator(broken_pool, suite, device="cpu", store=Store(folder / "store"))
    with pytest.warns(SoupWarning, match=sentence):
        odd = list(check_soup(ev, uniform_soup(broken_pool)))
    assert sum("not finite" in advice for advice in odd) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        PoolMatrix(broken_pool, torch.device("cpu")).row("a")
        save_mixture(broken_pool, uniform_soup(broken_pool, ["a", "b"]), folder / "sound.pt", progress=False)
