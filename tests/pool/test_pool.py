from __future__ import annotations

from pathlib import Path

import pytest
import torch

from soupwidgets import CheckpointError, Pool, PoolError, Recipe
from tests.fixtures import WriteCheckpoint


def test_bundled_pool_is_as_the_data_card_says(pool: Pool) -> None:
    assert pool.zero_shot == "zero-shot"
    assert len(pool.fine_tuned) >= 20
    assert set(pool.bad_ingredients) == {"bad-lr", "other-seed"}
    rates = [pool.hyperparameters(name)["learning_rate"] for name in pool.fine_tuned]
    assert len(set(rates)) == len(rates)
    assert pool.hyperparameters("bad-lr")["learning_rate"] > 5 * max(rates)


def test_every_difference_is_reported_at_once(write_checkpoint: WriteCheckpoint) -> None:
    write_checkpoint("a", {"w": torch.zeros(2, 3), "n": torch.zeros(1, dtype=torch.int64), "x": torch.zeros(1)})
    write_checkpoint("b", {"w": torch.zeros(3, 2), "n": torch.zeros(1), "x": torch.zeros(1)})
    path = write_checkpoint("c", {"w": torch.zeros(2, 3), "y": torch.zeros(1), "x": torch.zeros(1)})
    with pytest.raises(PoolError) as caught:
        Pool.open(path.parent)
    text = str(caught.value)
    for part in ("b: w has shape (3, 2), in a (2, 3)", "b: n is float32, in a int64", "c: lacks n",
                 "c: has y, which a lacks", "4 differences"):  # fmt: skip
        assert part in text


def test_another_precision_is_a_warning_only(write_checkpoint: WriteCheckpoint) -> None:
    write_checkpoint("a", {"w": torch.zeros(2)})
    path = write_checkpoint("b", {"w": torch.zeros(2, dtype=torch.float16)})
    with pytest.warns(UserWarning, match="b: w is float16, in a float32"):
        assert len(Pool.open(path.parent)) == 2


def test_a_checkpoint_of_another_precision_takes_one_line(write_checkpoint: WriteCheckpoint) -> None:
    write_checkpoint("a", {name: torch.zeros(2) for name in "uvw"})
    path = write_checkpoint("b", {name: torch.zeros(2, dtype=torch.float16) for name in "uvw"})
    with pytest.warns(UserWarning, match="different precisions") as caught:
        Pool.open(path.parent)
    assert str(caught[0].message).splitlines()[1:] == ["  b: u and 2 more are float16, in a float32"]


def test_opens_lists_and_patterns(write_checkpoint: WriteCheckpoint) -> None:
    path = write_checkpoint("a", {"w": torch.zeros(2)})
    other = write_checkpoint("b", {"w": torch.zeros(2)})
    assert Pool.open([other, path]).names == ["b", "a"]
    assert Pool.open(str(path.parent / "a*.safetensors")).names == ["a"]
    with pytest.raises(PoolError, match=r"both named 'a'"):
        Pool.open([path, path])


def test_files_of_the_same_name_are_called_by_their_folders(tmp_path: Path) -> None:
    for folder in ("base", "tuned"):
        (tmp_path / folder).mkdir()
        torch.save({"w": torch.zeros(2)}, tmp_path / folder / "model.pt")
    torch.save({"w": torch.zeros(2)}, tmp_path / "other.pt")
    assert Pool.open(str(tmp_path / "*" / "model.pt")).names == ["base", "tuned"]
    assert Pool.open([tmp_path / "tuned" / "model.pt", tmp_path / "other.pt"]).names == ["model", "other"]
    (tmp_path / "further" / "tuned").mkdir(parents=True)
    torch.save({"w": torch.zeros(2)}, tmp_path / "further" / "tuned" / "model.pt")
    with pytest.raises(PoolError, match="both named 'tuned'"):
        Pool.open([tmp_path / "tuned" / "model.pt", tmp_path / "further" / "tuned" / "model.pt"])


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(PoolError, match=r"no weight file"):
        Pool.open(tmp_path)
    with pytest.raises(CheckpointError, match="no such file"):
        Pool.open([tmp_path / "gone.safetensors"])
    with pytest.raises(PoolError, match="at least one"):
        Pool.open([])


def test_roles_are_checked_when_needed(write_checkpoint: WriteCheckpoint) -> None:
    path = write_checkpoint("a", {"w": torch.zeros(2)})
    pool = Pool.open([path])
    with pytest.raises(PoolError, match="0 zero-shot models"):
        _ = pool.zero_shot
    with pytest.raises(PoolError, match="'b'; it has a"):
        pool.require(["b"])


def test_content_key_ignores_names_and_sees_bytes(write_checkpoint: WriteCheckpoint) -> None:
    first = Pool.open([write_checkpoint("a", {"w": torch.ones(2)})])
    renamed = Pool.open([write_checkpoint("b", {"w": torch.ones(2)}, note="another card")])
    changed = Pool.open([write_checkpoint("c", {"w": torch.ones(2) * 1.001})])
    keys = [p.content_key(Recipe({p.names[0]: 0.5})) for p in (first, renamed, changed)]
    assert keys[0] == keys[1] != keys[2]
