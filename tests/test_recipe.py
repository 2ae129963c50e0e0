from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from soupwidgets import Recipe

coefficients = st.dictionaries(
    st.text(min_size=1, max_size=5), st.floats(-10, 10, allow_nan=False).map(lambda x: round(x, 9)), max_size=5
)


@given(coefficients)
def test_json_round_trip_is_exact(values: dict[str, float]) -> None:
    recipe = Recipe(values)
    assert Recipe.from_json(recipe.to_json()) == recipe
    assert Recipe.from_json(recipe.to_json()).hash == recipe.hash


@given(coefficients, coefficients)
def test_arithmetic_is_that_of_vectors(a: dict[str, float], b: dict[str, float]) -> None:
    x, y = Recipe(a), Recipe(b)
    assert x + y == y + x
    assert x - x == Recipe({})
    for name in {*a, *b}:
        assert (2 * x - y).get(name, 0) == pytest.approx(2 * a.get(name, 0) - b.get(name, 0), abs=1e-9)


layered = st.builds(Recipe, coefficients, st.dictionaries(st.sampled_from(["x", "y", "z"]), coefficients, max_size=3))


@given(layered)
def test_json_round_trip_by_tensor(recipe: Recipe) -> None:
    again = Recipe.from_json(recipe.to_json())
    assert again == recipe
    assert (again.hash, hash(again)) == (recipe.hash, hash(recipe))
    assert set(recipe) == {name for own in [recipe.at(""), *recipe.by_tensor.values()] for name in own}


@given(layered, layered)
def test_arithmetic_holds_in_every_tensor(x: Recipe, y: Recipe) -> None:
    assert x + y == y + x
    assert x - x == Recipe({})
    mixed = 2 * x - y / 4
    for tensor in ("x", "y", "z", "another"):
        for name in {*x, *y}:
            expected = 2 * x.at(tensor).get(name, 0) - y.at(tensor).get(name, 0) / 4
            assert mixed.at(tensor).get(name, 0) == pytest.approx(expected, abs=1e-9)


def test_what_says_the_same_is_no_exception() -> None:
    assert Recipe({"a": 1}, {"x": {"a": 1.0, "b": 0}}) == Recipe({"a": 1})
    only_there = Recipe({"a": 1}, {"x": {"b": 1}})
    assert dict(only_there) == {"a": 1, "b": 0}
    assert only_there.hash != Recipe({"a": 1}).hash
    assert only_there.leader == "a"
    with pytest.raises(ValueError, match="finite"):
        Recipe({"a": 1}, {"x": {"a": float("nan")}})


def test_slider_rounding_and_zeros_do_not_matter() -> None:
    assert Recipe({"a": 0.04999999999999982, "b": 0}) == Recipe({"a": 0.05})
    assert list(Recipe({"b": 1, "a": 0.0})) == ["b"]


def test_order_does_not_matter() -> None:
    assert Recipe({"a": 1, "b": 2}).hash == Recipe({"b": 2, "a": 1}).hash
    assert Recipe({"a": 1}).hash != Recipe({"a": 2}).hash


def test_hash_is_the_same_in_another_process() -> None:
    code = "from soupwidgets.recipe import Recipe; print(Recipe({'a': 0.1, 'b': 0.9}).hash)"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert other.stdout.strip() == Recipe({"a": 0.1, "b": 0.9}).hash


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_coefficients_must_be_finite(bad: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        Recipe({"a": bad})


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"coefficients": 3}', '{"coefficients": {"a": "x"}}'])
def test_other_json_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        Recipe.from_json(text)


@pytest.mark.parametrize(
    "text",
    [
        "null",
        "3",
        "[" * 100_000,
        '{"coefficients": {}, "more": ' + "[" * 100_000,
        '{"coefficients": ' + '{"a": ' * 50_000,
        '{"coefficients": {"a": ' + "9" * 5000 + "}}",
        '{"coefficients": {"a": 1e999}}',
        '{"coefficients": {"a": NaN}}',
        '{"coefficients": {"a": Infinity}}',
        '{"coefficients": {"a": "0.5"}}',
        '{"coefficients": {"a": true}}',
        '{"coefficients": {"a": null}}',
        '{"coefficients": {"a": [1]}}',
        '{"coefficients": {"a": 1}, "by_tensor": null}',
        '{"coefficients": {"a": 1}, "by_tensor": {"w": 1}}',
        '{"coefficients": {"a": 1}, "by_tensor": {"w": {"a": {}}}}',
        '{"coefficients": {"a": 1}} {"coefficients": {"a": 1}}',
        '{"coefficients": {"\\ud800": 1}}',
        '{"coefficients": {"\ud800": 1}}',
        '{"coefficients": {"' + "x" * 100_000 + '": "y"}}',
        " " * 16_000_001,
        b"\xff\xfe",
        None,
        7,
    ],
    ids=lambda text: str(text)[:30],
)
def test_hostile_json_is_refused_in_one_short_sentence(text: str) -> None:
    with pytest.raises(ValueError, match="not the JSON of a recipe") as error:
        Recipe.from_json(text)
    assert len(str(error.value)) < 300
    assert "\n" not in str(error.value)


@given(
    st.text()
    | st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["coefficients", "by_tensor", "a"]), inner),
    ).map(json.dumps)
)
def test_any_text_is_a_recipe_or_a_value_error(text: str) -> None:
    recipe, said = None, ""
    try:
        recipe = Recipe.from_json(text)
    except ValueError as error:
        said = str(error)
    assert isinstance(recipe, Recipe) or said.startswith("not the JSON of a recipe")


def test_what_stands_for_a_recipe() -> None:
    half = Recipe({"a": 0.5, "b": 0.5})
    assert Recipe.of(half) is half
    assert Recipe.of("a") == Recipe({"a": 1})
    assert Recipe.of({"a": 0.5, "b": np.float32(0.5)}) == half
    for wrong in (["a"], 3, None, 0.5):
        with pytest.raises(TypeError, match=r"a recipe is expected, not \w+: a Recipe, the name of a checkpoint, or"):
            Recipe.of(wrong)  # type: ignore[arg-type]
    for value in ("0.5", None, [1]):
        with pytest.raises(ValueError, match=r"the coefficient of 'a' is .*; it must be a finite number"):
            Recipe.of({"a": value})  # type: ignore[dict-item]


def test_a_table_of_a_recipe_is_escaped() -> None:
    html = Recipe({"<script>": 0.25, "b": 0.75}, {"w": {"b": 1}})._repr_html_()
    assert "<script>" not in html
    assert "&lt;script&gt;</td><td>0.25</td>" in html
