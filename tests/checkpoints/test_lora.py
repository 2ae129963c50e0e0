"""Adapters as checkpoints: numbers worked out by hand, memory, hashes, roles; and hostile ones."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from soupwidgets import Pool, PoolError, Recipe, SoupWarning, as_classifier, save_mixture
from soupwidgets.checkpoints import Adapter, AdapterFile, CheckpointError, CheckpointFile, with_adapter, with_tensors
from soupwidgets.mixing import PoolMatrix, mix_streamed
from soupwidgets.mixing.low_rank import bases
from soupwidgets.mixing.streamed import mix_pieces

CPU = torch.device("cpu")
PREFIX = "base_model.model."


def write_base(folder: Path, name: str = "base", **tensors: Tensor) -> Path:
    state = {"layer.weight": torch.zeros(2, 3), "layer.bias": torch.zeros(2), "steps": torch.tensor(7)}
    path = folder / f"{name}.safetensors"
    save_file({**state, **{n.replace("__", "."): t for n, t in tensors.items()}}, path)
    return path


def write_adapter(folder: Path, tensors: dict[str, Tensor] | None = None, **settings: Any) -> Path:
    """By default rank 1, B A = [[1, 2, 3], [10, 20, 30]], scale 2."""
    folder.mkdir(exist_ok=True)
    if tensors is None:
        tensors = {
            "layer.lora_A.weight": torch.tensor([[1.0, 2, 3]]),
            "layer.lora_B.weight": torch.tensor([[1.0], [10]]),
        }
    config = {"peft_type": "LORA", "r": 1, "lora_alpha": 2, "target_modules": ["layer"], **settings}
    (folder / "adapter_config.json").write_text(json.dumps(config))
    save_file({PREFIX + name: tensor.clone() for name, tensor in tensors.items()}, folder / "adapter_model.safetensors")
    return folder


def every_mixture(pool: Pool, recipe: Recipe) -> list[dict[str, Tensor]]:
    matrix = PoolMatrix(pool, CPU)
    out = matrix.new_buffer()
    matrix.mix(recipe, out)
    pieces: dict[str, list[Tensor]] = {}
    for name, _, piece in mix_pieces(pool, recipe):
        pieces.setdefault(name, []).append(piece.clone())
    return [
        matrix.layout.views(out) | matrix.whole_tensors(recipe),
        dict(mix_streamed(pool, recipe)),
        {name: torch.cat(flat).view(pool.tensors[name].shape) for name, flat in pieces.items()},
    ]


def test_by_hand(tmp_path: Path) -> None:
    write_base(tmp_path, layer__weight=torch.full((2, 3), 100.0))
    write_adapter(tmp_path / "a")
    write_adapter(tmp_path / "b", lora_alpha=4)
    pool = Pool.open(tmp_path)
    assert pool.names == ["base", "a", "b"]
    assert bases(pool) == {"a": "base", "b": "base"}
    assert torch.equal(dict(pool["a"].read())["layer.weight"], torch.tensor([[102.0, 104, 106], [120, 140, 160]]))
    # 100 + (0.5 * 2 + 0.25 * 4) B A
    for mixed in every_mixture(pool, Recipe({"base": 0.25, "a": 0.5, "b": 0.25})):
        assert torch.equal(mixed["layer.weight"], torch.tensor([[102.0, 104, 106], [120, 140, 160]]))
        assert torch.equal(mixed["layer.bias"], torch.zeros(2))
        assert mixed["steps"] == 7
    # The difference of two adapters has no base in it.
    for mixed in every_mixture(pool, Recipe({"a": -1, "b": 1})):
        assert torch.equal(mixed["layer.weight"], torch.tensor([[2.0, 4, 6], [20, 40, 60]]))
    # Other coefficients for one tensor.
    by_tensor = Recipe({"base": 1}, {"layer.weight": {"b": 1}})
    for mixed in every_mixture(pool, by_tensor):
        assert torch.equal(mixed["layer.weight"][0], torch.tensor([104.0, 108, 112]))


def test_a_normed_adapter_by_hand(tmp_path: Path) -> None:
    """DoRA: rows of the given norms, in the direction of W + s B A."""
    write_base(tmp_path, layer__weight=torch.tensor([[1.0, 0, -6], [-20, -40, -57]]))
    stored = {
        "layer.lora_A.weight": torch.tensor([[1.0, 2, 3]]),
        "layer.lora_B.weight": torch.tensor([[1.0], [10]]),
        "layer.lora_magnitude_vector": torch.tensor([10.0, 2.0]),
    }
    write_adapter(tmp_path / "a", stored, use_dora=True)
    pool = Pool.open(tmp_path)
    assert not bases(pool)
    # W + 2 B A = [[3, 4, 0], [0, 0, 3]], of the norms 5 and 3.
    for mixed in every_mixture(pool, Recipe({"a": 1})):
        torch.testing.assert_close(mixed["layer.weight"], torch.tensor([[6.0, 8, 0], [0, 0, 2]]))


def big_pool(folder: Path, adapters: int = 6) -> Pool:
    torch.manual_seed(0)
    layers = [f"layers.{i}" for i in range(3)]
    save_file({f"{layer}.weight": torch.randn(600, 700) for layer in layers}, folder / "base.safetensors")
    for i in range(adapters):
        factors = {f"{n}.lora_A.weight": torch.randn(4, 700) for n in layers}
        factors |= {f"{n}.lora_B.weight": torch.randn(600, 4) for n in layers}
        write_adapter(folder / f"a{i}", factors, r=4)
    return Pool.open(folder)


def test_adapters_are_held_as_factors(tmp_path: Path) -> None:
    pool = big_pool(tmp_path)
    assert bases(pool) == {f"a{i}": "base" for i in range(6)}
    matrix = PoolMatrix(pool, CPU)
    recipe = Recipe({"base": 0.1, **{f"a{i}": 0.15 for i in range(6)}})
    matrix.mix(recipe, matrix.new_buffer())
    factors = 3 * 4 * (600 + 700) * 4
    assert matrix.held_bytes == 3 * 600 * 700 * 4 + 6 * factors
    assert matrix.held_bytes < 1.1 * 3 * 600 * 700 * 4
    states = {name: dict(pool[name].read()) for name in pool}
    for mixed in every_mixture(pool, recipe):
        for name, tensor in mixed.items():
            expected = sum(c * states[n][name].double() for n, c in recipe.items())
            torch.testing.assert_close(tensor.double(), expected, rtol=1e-5, atol=1e-5)


def test_streaming_reads_the_base_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pool = big_pool(tmp_path, adapters=3)
    begun: list[str] = []
    plain = CheckpointFile._verified_pieces

    def counted(file: CheckpointFile, pieces: Any) -> Any:
        begun.append(file.path.name)
        return plain(file, pieces)

    monkeypatch.setattr(CheckpointFile, "_verified_pieces", counted)
    for _ in mix_pieces(pool, Recipe({"a0": 0.5, "a1": 0.25, "a2": 0.25})):
        pass
    assert sorted(begun) == ["adapter_model.safetensors"] * 3 + ["base.safetensors"]


def test_pieces_are_the_whole(tmp_path: Path) -> None:
    file = big_pool(tmp_path, adapters=1)["a0"]
    whole = dict(file.read())
    for longest in (1000, 700, 99_999):
        for name, start, piece in file.pieces(longest):
            torch.testing.assert_close(piece, whole[name].view(-1)[start : start + len(piece)], rtol=1e-5, atol=1e-5)


def test_hashes_say_what_is_the_same(tmp_path: Path) -> None:
    base = CheckpointFile(write_base(tmp_path))
    plain = with_adapter(base, write_adapter(tmp_path / "a"))
    named = {
        f"layer.lora_{k}.default.weight": t
        for k, t in (("A", torch.tensor([[1.0, 2, 3]])), ("B", torch.tensor([[1.0], [10]])))
    }
    same = [
        with_adapter(base, write_adapter(tmp_path / "b", named, base_model_name_or_path="elsewhere", lora_dropout=0.5)),
        with_adapter(base, write_adapter(tmp_path / "c", lora_alpha=1, alpha_pattern={"layer": 2})),
        with_adapter(CheckpointFile(write_base(tmp_path, "copy")), tmp_path / "a"),
    ]
    other = [
        base,
        with_adapter(base, write_adapter(tmp_path / "d", lora_alpha=3)),
        with_adapter(
            base, write_adapter(tmp_path / "e", {**stored(tmp_path / "a"), "layer.bias": torch.zeros(2)}, bias="all")
        ),
        with_adapter(CheckpointFile(write_base(tmp_path, "moved", layer__bias=torch.ones(2))), tmp_path / "a"),
    ]
    assert {file.content_hash for file in same} == {plain.content_hash}
    assert len({file.content_hash for file in [plain, *other]}) == 5


def stored(folder: Path) -> dict[str, Tensor]:
    return {n.removeprefix(PREFIX): t for n, t in load_file(folder / "adapter_model.safetensors").items()}


def test_the_file_is_the_one_that_was_opened(tmp_path: Path) -> None:
    write_base(tmp_path)
    write_adapter(tmp_path / "a")
    pool = Pool.open(tmp_path)
    _ = pool["a"].content_hash
    write_adapter(tmp_path / "a", {n: t + 1 for n, t in stored(tmp_path / "a").items()})
    with pytest.raises(CheckpointError, match=r"adapter_model\.safetensors.*was replaced"):
        dict(mix_streamed(pool, Recipe({"a": 1})))
    pool = Pool.open(tmp_path)
    write_base(tmp_path, layer__bias=torch.ones(2))
    with pytest.raises(CheckpointError, match=r"base\.safetensors.*was replaced"):
        dict(pool["a"].read())


def test_a_base_that_is_replaced_is_noticed_after_its_last_piece(tmp_path: Path) -> None:
    write_base(tmp_path)
    write_adapter(tmp_path / "a")
    pool = Pool.open(tmp_path)
    _ = pool["base"].content_hash
    # Of the same size; only the content hash tells.
    write_base(tmp_path, layer__bias=torch.ones(2))
    with pytest.raises(CheckpointError, match=r"base\.safetensors.*was replaced"):
        dict(pool["a"].read())


def test_which_checkpoint_is_the_base(tmp_path: Path) -> None:
    write_adapter(tmp_path / "a")
    with pytest.raises(PoolError, match=r"a is a LoRA adapter.*Pool\.open\(\['base\.safetensors'"):
        Pool.open(tmp_path)
    with pytest.raises(PoolError, match="is a LoRA adapter"):
        Pool.open(tmp_path / "a")
    one, two = write_base(tmp_path, "one"), write_base(tmp_path, "two", layer__bias=torch.ones(2))
    with pytest.raises(PoolError, match=r"could be any of 2: one, two.*base='one'.*--zero-shot"):
        Pool.open(tmp_path)
    with pytest.raises(PoolError, match="not in the pool: 'three', as the base"):
        Pool.open(tmp_path, base="three")
    assert dict(Pool.open(tmp_path, base="two")["a"].read())["layer.bias"].tolist() == [1, 1]
    pool = Pool.open(tmp_path, zero_shot="one")
    assert (pool.zero_shot, pool.fine_tuned) == ("one", ["two", "a"])
    assert dict(pool["a"].read())["layer.bias"].tolist() == [0, 0]
    assert Pool.open(tmp_path, base="one").opened == f"sw.Pool.open({str(tmp_path)!r}, base='one')"
    pool = Pool.open([one]).including(tmp_path / "a")
    assert pool.names == ["one", "a"]
    for path in ("adapter_model.safetensors", "adapter_config.json"):
        assert Pool.open([tmp_path / "a" / path, one]).names == ["one", "a"]
    pool = Pool.open([one, two, with_adapter(CheckpointFile(one), tmp_path / "a")])
    assert bases(pool) == {"a": "one"}
    (tmp_path / "more").mkdir()
    with pytest.raises(PoolError, match="both named 'a'"):
        Pool.open([one, tmp_path / "a", write_adapter(tmp_path / "more" / "a")])


def test_a_head_that_only_the_adapter_has(tmp_path: Path) -> None:
    write_base(tmp_path)
    factors = {"layer.lora_A.weight": torch.ones(1, 3), "layer.lora_B.weight": torch.ones(2, 1)}
    write_adapter(
        tmp_path / "a", {**factors, "classifier.weight": torch.full((4, 2), 5.0)}, modules_to_save=["classifier"]
    )
    with pytest.raises(PoolError, match="head_from='a'"):
        Pool.open(tmp_path)
    pool = Pool.open(tmp_path, head_from="a")
    assert bases(pool) == {"a": "base"}
    for mixed in every_mixture(pool, Recipe({"base": 0.5, "a": 0.5})):
        assert torch.equal(mixed["classifier.weight"], torch.full((4, 2), 5.0))
        assert torch.equal(mixed["layer.weight"], torch.ones(2, 3))
    # Lent by the base to an adapter without one.
    lending = with_tensors(CheckpointFile(tmp_path / "base.safetensors"), {"classifier.weight": torch.ones(4, 2)})
    adapter = with_adapter(lending, write_adapter(tmp_path / "b"))
    assert torch.equal(dict(adapter.read())["classifier.weight"], torch.ones(4, 2))


def test_a_prepared_pool_stays_low_rank(tmp_path: Path) -> None:
    torch.manual_seed(0)
    names = ["model.visual.conv1.weight", "classification_head.weight"]
    save_file({name: torch.randn(20, 30) for name in names}, tmp_path / "base.safetensors")
    factors = {
        "model.visual.conv1.lora_A.weight": torch.ones(1, 30),
        "model.visual.conv1.lora_B.weight": torch.ones(20, 1),
    }
    write_adapter(tmp_path / "a", factors)
    pool = Pool.open(tmp_path, prepare=as_classifier)
    assert list(pool.tensors) == ["head.weight", "visual.conv1.weight"]
    assert bases(pool) == {"a": "base"}
    base = load_file(tmp_path / "base.safetensors")
    for mixed in every_mixture(pool, Recipe({"a": 1})):
        torch.testing.assert_close(mixed["visual.conv1.weight"], base[names[0]] + 2)
    given = with_tensors(pool["a"], {"head.weight": torch.zeros(20, 30)})
    assert isinstance(given, AdapterFile)
    assert not dict(given.read())["head.weight"].any()
    assert given.content_hash != pool["a"].content_hash


def test_a_soup_of_adapters_is_saved_whole(tmp_path: Path) -> None:
    write_base(tmp_path, layer__weight=torch.full((2, 3), 100.0))
    write_adapter(tmp_path / "a")
    pool = Pool.open(tmp_path)
    recipe = Recipe({"base": 0.5, "a": 0.5})
    path = save_mixture(pool, recipe, tmp_path / "soup.safetensors", progress=False)
    assert torch.equal(load_file(path)["layer.weight"], torch.tensor([[101.0, 102, 103], [110, 120, 130]]))
    card = CheckpointFile(path).metadata["soupwidgets"]
    assert {entry["sha256"] for entry in json.loads(card)["recipe"]} == {pool[n].content_hash for n in pool}
    for taken in ("base.safetensors", "a/adapter_model.safetensors"):
        with pytest.raises(ValueError, match="which would be lost"):
            save_mixture(pool, Recipe({"a": 1}), tmp_path / taken, progress=False, overwrite=True)


def test_values_that_are_not_finite_are_told(tmp_path: Path) -> None:
    write_base(tmp_path)
    bad = {"layer.lora_A.weight": torch.tensor([[1.0, float("nan"), 3]]), "layer.lora_B.weight": torch.ones(2, 1)}
    write_adapter(tmp_path / "a", bad)
    pool = Pool.open(tmp_path)
    with pytest.warns(SoupWarning, match=r"'a' has values that are not finite, in layer\.weight"):
        dict(mix_streamed(pool, Recipe({"a": 1})))
    matrix = PoolMatrix(pool, CPU)
    with pytest.warns(SoupWarning, match="'a' has values that are not finite"):
        matrix.row("a")


def test_what_an_adapter_says_of_itself(tmp_path: Path) -> None:
    folder = write_adapter(
        tmp_path / "a", lora_alpha=16, rank_pattern={"layer": 1}, r=8, base_model_name_or_path="b/\x1b[31m"
    )
    assert Adapter(folder).summary == "LoRA adapter, rank 1, scale 16, changes 1 tensors of b/\\x1b[31m"


A, B = torch.ones(1, 3), torch.ones(2, 1)
GOOD = {"layer.lora_A.weight": A, "layer.lora_B.weight": B}
HOSTILE_TENSORS: dict[str, tuple[dict[str, Tensor], str]] = {
    "no factors": ({"layer.bias": torch.ones(2)}, "no LoRA factors"),
    "half a product": ({"layer.lora_A.weight": A}, "module 'layer' has A, expected are A, B"),
    "not in the base": ({"other.lora_A.weight": A, "other.lora_B.weight": B}, "other.weight, which .*base.* lacks"),
    "of another shape": ({**GOOD, "layer.lora_A.weight": torch.ones(1, 4)}, r"have the shapes \(1, 4\) and \(2, 1\)"),
    "of another rank": ({**GOOD, "layer.lora_A.weight": torch.ones(2, 3)}, "not those of rank 1"),
    "flat": ({"layer.lora_A.weight": torch.ones(3), "layer.lora_B.weight": B}, "not those of rank 1"),
    "without numbers": ({"layer.lora_A.weight": torch.ones(1, 0), "layer.lora_B.weight": B}, "have the shapes"),
    "whole numbers": ({"layer.lora_A.weight": A.int(), "layer.lora_B.weight": B}, "not floating-point"),
    "a vector changed": ({"layer.bias.lora_A.weight": A, "layer.bias.lora_B.weight": B}, "changes layer.bias.weight"),
    "a bias of its own": ({**GOOD, "layer.lora_B.bias": torch.ones(2)}, "none that LoRA has"),
    "another method": ({**GOOD, "layer.lora_E": B}, "none that LoRA has"),
    "magnitudes unasked": ({**GOOD, "layer.lora_magnitude_vector": torch.ones(2)}, "use_dora is not set"),
    "two adapters": ({"layer.lora_A.x.weight": A, "layer.lora_B.y.weight": B}, "several adapters: x, y"),
    "two of one": ({**GOOD, "layer.lora_A.default.weight": A}, "stand for the same"),
    "a new tensor": ({**GOOD, "new.weight": A}, "new.weight, which .* lacks and modules_to_save does not name"),
    "a wider bias": ({**GOOD, "layer.bias": torch.ones(9)}, r"replaces layer.bias by a tensor of shape \(9,\)"),
    "a counter": ({**GOOD, "steps": torch.tensor(1)}, "replaces steps, which is not of floating-point numbers"),
    "control characters": ({**GOOD, "new\x1b[2J\nall is well": A}, r"new\\x1b\[2J\\nall is well"),
    "a long name": ({**GOOD, "x" * 100_000: A}, "xxx"),
}  # fmt: skip


@pytest.mark.parametrize("kind", HOSTILE_TENSORS)
def test_tensors_that_do_not_fit_are_named(tmp_path: Path, kind: str) -> None:
    tensors, told = HOSTILE_TENSORS[kind]
    base = CheckpointFile(write_base(tmp_path))
    with pytest.raises(CheckpointError, match=told) as refused:
        with_adapter(base, write_adapter(tmp_path / "a", tensors))
    assert str(refused.value).startswith(str(tmp_path / "a" / "adapter_model.safetensors"))
    assert len(str(refused.value)) < 2500
    assert str(refused.value).isprintable()


HOSTILE_SETTINGS: dict[str, tuple[str, str]] = {
    "empty": ("", "not the settings"),
    "no JSON": ("r = 8", "not the settings"),
    "a list": ("[]", "not the settings"),
    "nested": ('{"x":' + "[" * 200_000 + "]" * 200_000 + "}", "not the settings"),
    "a nested field": (
        '{"peft_type": "LORA", "rank_pattern": ' + '{"a":' * 90_000 + "1" + "}" * 90_001, "not the settings"
    ),
    "not LoRA": ('{"peft_type": "LOHA"}', "'LOHA'"),
    "no type": ("{}", "of the type ''"),
    "a huge rank": ('{"peft_type": "LORA", "r": 1000000000000}', "not the settings.*r"),
    "a rank of another model": ('{"peft_type": "LORA", "r": 64}', "not those of rank 64"),
    "no rank": ('{"peft_type": "LORA", "r": 0}', "not the settings.*r"),
    "a rank in words": ('{"peft_type": "LORA", "r": "8"}', "not the settings.*r"),
    "alpha is no number": ('{"peft_type": "LORA", "r": 1, "lora_alpha": NaN}', "not the settings"),
    "alpha without bounds": ('{"peft_type": "LORA", "r": 1, "lora_alpha": 1e300}', "not the settings.*lora_alpha"),
    "a number too long": ('{"peft_type": "LORA", "r": 1, "lora_alpha": 1' + "0" * 400 + "}", "not the settings"),
    "an unknown bias": ('{"peft_type": "LORA", "r": 1, "bias": "some"}', "bias='some'"),
    "something new": ('{"peft_type": "LORA", "r": 1, "new_idea": true}', "it uses 'new_idea'"),
    "megatron": ('{"peft_type": "LORA", "r": 1, "megatron_config": {"x": 1}}', "'megatron_config'"),
    "weights changed": ('{"peft_type": "LORA", "r": 1, "init_lora_weights": "loftq"}', "init_lora_weights='loftq'"),
    "an endless pattern": ('{"peft_type": "LORA", "r": 1, "rank_pattern": {"(a+)+$": 1}}', "a regular expression"),
    "many patterns": (
        json.dumps({"peft_type": "LORA", "r": 1, "rank_pattern": {f"x{i}": 1 for i in range(5000)}}), "not the settings"
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", HOSTILE_SETTINGS)
def test_settings_that_cannot_be_used_are_told(tmp_path: Path, kind: str) -> None:
    text, told = HOSTILE_SETTINGS[kind]
    base = CheckpointFile(write_base(tmp_path))
    folder = write_adapter(tmp_path / "a")
    (folder / "adapter_config.json").write_text(text)
    with pytest.raises(CheckpointError, match=told) as refused:
        with_adapter(base, folder)
    assert str(refused.value).startswith(str(folder))
    assert len(str(refused.value)) < 2500


def test_no_path_of_the_settings_is_opened(tmp_path: Path) -> None:
    secret = tmp_path / "secret.safetensors"
    os.mkfifo(secret)
    folder = write_adapter(
        tmp_path / "a", base_model_name_or_path=str(secret), revision="../../..", auto_mapping={"x": "os"}
    )
    file = with_adapter(CheckpointFile(write_base(tmp_path)), folder)
    assert secret not in file.files
    assert dict(file.read())["layer.weight"].any()
    (folder / "adapter_config.json").unlink()
    os.mkfifo(folder / "adapter_config.json")
    with pytest.raises(CheckpointError, match="a folder, pipe or device"):
        Adapter(folder)
    (folder / "adapter_config.json").unlink()
    with pytest.raises(CheckpointError, match="cannot be read"):
        Adapter(folder)


def test_an_adapter_needs_its_weights(tmp_path: Path) -> None:
    folder = write_adapter(tmp_path / "a")
    weights = folder / "adapter_model.safetensors"
    torch.save(load_file(weights), folder / "adapter_model.bin")
    whole = weights.read_bytes()
    weights.unlink()
    base = CheckpointFile(write_base(tmp_path))
    assert torch.equal(dict(with_adapter(base, folder).read())["layer.weight"][1], torch.tensor([20.0, 40, 60]))
    (folder / "adapter_model.bin").unlink()
    with pytest.raises(CheckpointError, match="an adapter without weights"):
        Adapter(folder)
    weights.write_bytes(whole[:-1])
    with pytest.raises(CheckpointError, match="not a whole safetensors file"):
        Adapter(folder)
