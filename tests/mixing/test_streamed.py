from __future__ import annotations

import json
from pathlib import Path

import open_clip
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from soupwidgets import Evaluator, Pool, PoolError, Recipe, save_mixture, uniform_soup, wise_ft
from soupwidgets.checkpoints import CARD_KEY, CheckpointError, TensorInfo, write_pieces, write_stream
from soupwidgets.mixing import PoolMatrix, mix_streamed, weighted_sum
from soupwidgets.mixing.streamed import mix_pieces
from tests.fixtures import WriteCheckpoint


@pytest.mark.parametrize(
    "coefficients",
    [
        {"zero-shot": 0.3, "ft-a": 0.7},
        {"zero-shot": 1},
        {"ft-a": 1 / 3, "ft-b": 1 / 3, "zero-shot": 1 / 3},
        {"zero-shot": 1, "ft-a": 0.5, "ft-b": -0.5},
    ],
)
def test_streamed_is_what_the_matrix_gives_to_the_last_bit(tiny_pool: Pool, coefficients: dict[str, float]) -> None:
    recipe = Recipe(coefficients)
    matrix = PoolMatrix(tiny_pool, torch.device("cpu"))
    out = matrix.new_buffer()
    matrix.mix(recipe, out)
    streamed = dict(mix_streamed(tiny_pool, recipe))
    views = matrix.layout.views(out)
    assert streamed.keys() == views.keys()
    assert all(torch.equal(streamed[name], views[name]) for name in views)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("count", [1, 2, 3, 10])
def test_tensors_longer_than_a_piece_are_added_up_as_whole_ones(tmp_path: Path, count: int, threads: int) -> None:
    torch.manual_seed(0)
    shapes = {"long": (700, 1001), "short": (5,), "empty": (0, 2)}
    states = [{name: torch.randn(shape) for name, shape in shapes.items()} for _ in range(count)]
    for i, state in enumerate(states):
        torch.save(state | {"steps": torch.arange(300_000) + i}, tmp_path / f"m{i}.pt")
    pool = Pool.open(sorted(tmp_path.glob("m*.pt")))
    recipe = Recipe({f"m{i}": (i + 1) / (count * (count + 1) / 2) for i in range(count)})
    expected = {"steps": torch.arange(300_000) + count - 1}
    for name, shape in shapes.items():
        expected[name] = torch.empty(shape)
        weighted_sum([state[name].view(-1) for state in states], list(recipe.values()), expected[name].view(-1))
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        streamed = dict(mix_streamed(pool, recipe))
        lengths = [len(piece) for name, _, piece in mix_pieces(pool, recipe) if name == "long"]
        written = load_file(save_mixture(pool, recipe, tmp_path / "soup.safetensors", progress=False))
    finally:
        torch.set_num_threads(before)
    assert len(lengths) > 1
    assert streamed.keys() == written.keys() == expected.keys()
    for name, tensor in expected.items():
        assert torch.equal(streamed[name], tensor)
        assert torch.equal(written[name], tensor)


def test_a_file_cut_short_while_it_is_mixed_is_named_and_nothing_is_written(tmp_path: Path) -> None:
    for i in range(4):
        torch.save({name: torch.rand(400_000) for name in "abcd"}, tmp_path / f"m{i}.pt")
    for cut in range(4):
        pool = Pool.open(sorted(tmp_path.glob("m*.pt")))
        path = pool.checkpoints[f"m{cut}"].path
        whole, recipe = path.read_bytes(), uniform_soup(pool)
        pieces = mix_pieces(pool, recipe)
        next(pieces)
        path.write_bytes(whole[: len(whole) // 2])
        with pytest.raises(CheckpointError, match=rf"m{cut}\.pt.*the file ends before it should"):
            list(pieces)
        with pytest.raises(CheckpointError, match=rf"m{cut}\.pt"):
            save_mixture(pool, recipe, tmp_path / "soup.safetensors", progress=False)
        path.write_bytes(whole)
    assert {file.name for file in tmp_path.iterdir()} == {f"m{i}.pt" for i in range(4)}


def adversarial() -> dict[str, torch.Tensor]:
    base = torch.randn(6, 4)
    return {
        "half": torch.randn(5).half(),
        "brain": torch.randn(3, 3).bfloat16(),
        "double": torch.randn(7).double(),
        "transposed": base.t(),
        "tied": base,
        "scalar": torch.randn(()),
        "empty": torch.empty(0, 3),
        "steps": torch.tensor(7),
        "mask": torch.tensor([True, False, True]),
    }


def test_adversarial_state_dicts_agree_with_float64(tmp_path: Path) -> None:
    torch.manual_seed(0)
    states = [adversarial() for _ in range(4)]
    states[2]["steps"] = torch.tensor(9)
    for i, state in enumerate(states):
        torch.save(state, tmp_path / f"m{i}.pt")
    pool = Pool.open(sorted(tmp_path.glob("m*.pt")))
    recipe = Recipe({"m0": 0.1, "m1": -0.4, "m2": 1.1, "m3": 0.2})
    path = save_mixture(pool, recipe, tmp_path / "out.safetensors", progress=False)
    written = load_file(path)
    assert written.keys() == states[0].keys()
    assert written["steps"] == 9  # of the largest coefficient
    for name in ("half", "brain", "double", "transposed", "tied", "scalar", "empty"):
        parts = [c * state[name].double() for c, state in zip(recipe.values(), states, strict=True)]
        scale = sum((part.abs() for part in parts), torch.zeros(()).double())
        assert written[name].dtype == torch.float32
        assert written[name].shape == states[0][name].shape
        assert ((written[name].double() - sum(parts)).abs() <= 1e-6 * scale).all()


@pytest.mark.slow
def test_a_soup_of_vit_b_32_is_loaded_by_open_clip(tmp_path: Path) -> None:
    torch.manual_seed(0)
    a, b = (open_clip.create_model("ViT-B-32").eval() for _ in range(2))
    for name, model in (("a", a), ("b", b)):
        torch.save({"state_dict": {f"module.{k}": v for k, v in model.state_dict().items()}}, tmp_path / f"{name}.pt")
    pool = Pool.open([tmp_path / "a.pt", tmp_path / "b.pt"])
    other = b.state_dict()
    a.load_state_dict({name: (tensor + other[name]) / 2 for name, tensor in a.state_dict().items()})
    images, texts = torch.randn(2, 3, 224, 224), open_clip.get_tokenizer("ViT-B-32")(["a cat", "a dog"])
    for ending in ("safetensors", "pt"):
        path = save_mixture(pool, uniform_soup(pool), tmp_path / f"soup.{ending}", progress=False)
        loaded = open_clip.create_model("ViT-B-32", pretrained=str(path)).eval()
        with torch.inference_mode():
            for got, expected in zip(loaded(images, texts), a(images, texts), strict=True):
                torch.testing.assert_close(got, expected, rtol=1e-5, atol=1e-6)
        path.unlink()


def test_a_saved_soup_is_an_ingredient_again(tiny_evaluator: Evaluator, tmp_path: Path) -> None:
    pool = tiny_evaluator.pool
    recipe = wise_ft(pool, "ft-a", 0.4)
    before = tiny_evaluator.evaluate(recipe, ["val", "blur"])
    path = tiny_evaluator.save(recipe, tmp_path / "soup.safetensors", progress=False)
    with safe_open(path, "pt") as file:
        card = json.loads(file.metadata()[CARD_KEY])
    assert [(entry["ingredient"], entry["coefficient"]) for entry in card["recipe"]] == list(recipe.items())
    assert card["recipe"][0]["sha256"] == pool.checkpoints[next(iter(recipe))].content_hash
    measured = card["measured"]["splits"]
    assert {name: entry["correct"] for name, entry in measured.items()} == {
        name: score.correct for name, score in before.scores.items()
    }
    again = Evaluator(Pool.open([path]), tiny_evaluator.suite, device="cpu", store=tiny_evaluator.store)
    after = again.evaluate(Recipe({"soup": 1}), ["val", "blur"])
    assert after.scores == before.scores


def test_refused_before_anything_is_written(tiny_pool: Pool, tmp_path: Path) -> None:
    own = tiny_pool.checkpoints["ft-a"].path
    content = own.read_bytes()
    with pytest.raises(ValueError, match=r"the file of the ingredient 'ft-a', which would be lost"):
        save_mixture(tiny_pool, Recipe({"ft-a": 1}), own)
    assert own.read_bytes() == content
    with pytest.raises(ValueError, match=r"must end with \.safetensors or \.pt"):
        save_mixture(tiny_pool, Recipe({"ft-a": 1}), tmp_path / "soup.bin")
    with pytest.raises(PoolError, match="nobody"):
        save_mixture(tiny_pool, Recipe({"nobody": 1}), tmp_path / "soup.safetensors")
    with pytest.raises(ValueError, match="empty"):
        save_mixture(tiny_pool, Recipe({}), tmp_path / "soup.safetensors", progress=False)
    assert list(tmp_path.glob("soup*")) == []
    assert list(tmp_path.glob(".soup*")) == []


def test_a_stream_that_breaks_off_leaves_the_old_file(tmp_path: Path, write_checkpoint: WriteCheckpoint) -> None:
    path = write_checkpoint("old", {"w": torch.ones(2)})
    content = path.read_bytes()
    infos = {"a": TensorInfo((2,), torch.float32), "b": TensorInfo((1,), torch.int64)}
    wrong: list[list[tuple[str, torch.Tensor]]] = [
        [("a", torch.zeros(2))],
        [("a", torch.zeros(3))],
        [("a", torch.zeros(2)), ("a", torch.zeros(2))],
        [("c", torch.zeros(2))],
    ]
    for values in wrong:
        with pytest.raises(ValueError, match="tensor"):
            write_stream(path, infos, values=values, card={})
        assert path.read_bytes() == content
    write_stream(path, infos, values=[("b", torch.tensor([5])), ("a", torch.ones(2))], card={"name": "new"})
    assert load_file(path)["b"].item() == 5


def test_pieces_that_are_not_those_of_the_tensors_leave_the_old_file(
    tmp_path: Path, write_checkpoint: WriteCheckpoint
) -> None:
    path = write_checkpoint("old", {"w": torch.ones(2)})
    content = path.read_bytes()
    infos = {"a": TensorInfo((2, 2), torch.float32), "b": TensorInfo((0,), torch.float32)}
    a, b = ("a", 0, torch.ones(4)), ("b", 0, torch.ones(0))
    for pieces in (
        [a],
        [a, b, b],
        [a, a, b],
        [b, ("a", 0, torch.ones(3))],
        [b, ("a", 2, torch.ones(2)), ("a", 0, torch.ones(2))],
        [b, ("a", 0, torch.ones(2)), ("a", 2, torch.ones(3))],
        [b, ("a", 0, torch.ones(4, dtype=torch.float64))],
        [a, b, ("c", 0, torch.ones(1))],
    ):
        with pytest.raises(ValueError, match="tensor"):
            write_pieces(path, infos, pieces, {})
        assert path.read_bytes() == content
    write_pieces(path, infos, [("a", 0, torch.ones(3)), b, ("a", 3, torch.zeros(1))], {})
    assert load_file(path)["a"].tolist() == [[1, 1], [1, 0]]
