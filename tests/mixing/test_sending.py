from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from soupwidgets import Pool, Recipe
from soupwidgets.mixing import PoolMatrix, matrix
from soupwidgets.mixing.reading import read_row
from soupwidgets.mixing.sending import CopyStream, Sender
from soupwidgets.pool import SoupWarning

CPU = torch.device("cpu")


class Late:
    """Copies as late as it may: when somebody waits for it, or at the end. A place written too early spoils a copy."""

    def __init__(self) -> None:
        self.due: list[tuple[Tensor, Tensor]] = []
        self.told: list[str] = []

    def memory(self, size: int) -> Tensor:
        return torch.zeros(size, dtype=torch.uint8)

    def begin(self) -> None:
        self.told.append("begin")

    def copy(self, target: Tensor, source: Tensor) -> Callable[[], object]:
        self.told.append("copy")
        mine = (target, source)
        self.due.append(mine)

        def wait() -> None:
            # In the order in which they were told, up to this one.
            while any(one is mine for one in self.due):
                first, second = self.due.pop(0)
                first.copy_(second)

        return wait

    def end(self) -> None:
        self.told.append("end")
        while self.due:
            target, source = self.due.pop(0)
            target.copy_(source)


@pytest.fixture
def six(tmp_path: Path) -> Pool:
    generator = torch.Generator().manual_seed(0)
    for name in "abcdef":
        tensors = {
            "w": torch.randn(3, 50, generator=generator).half(),
            "b": torch.randn(16, generator=generator).half(),
            "steps": torch.tensor(ord(name)),
        }
        save_file(tensors, tmp_path / f"{name}.safetensors")
    return Pool.open(tmp_path)


def test_a_place_is_filled_again_only_after_it_was_copied() -> None:
    carrier, out = Late(), torch.zeros(100)
    sender, waiting = Sender(carrier, piece=40), []
    with sender:
        for start in range(0, 100, 10):
            sender.send(out[start : start + 10], lambda place, start=start: place.fill_(start))  # type: ignore[misc]
            waiting.append(len(carrier.due))
    assert torch.equal(out, torch.arange(0.0, 100, 10).repeat_interleave(10))
    # Two are under way at any time: one is filled while the other is sent.
    assert waiting == [1] + 9 * [2]
    assert carrier.told == ["begin", *10 * ["copy"], "end"]
    # Numbers of another precision, and what was left from the time before.
    halves = torch.zeros(20, dtype=torch.float16)
    with sender:
        sender.send(halves, lambda place: place.copy_(torch.arange(20)))
    assert torch.equal(halves, torch.arange(20).half())


def test_an_error_on_the_way_leaves_no_copy_behind() -> None:
    carrier, out = Late(), torch.zeros(4)

    def fails(place: Tensor) -> None:
        raise OSError("gone")

    def some() -> None:
        with Sender(carrier, piece=16) as sender:
            sender.send(out, lambda place: place.fill_(1))
            sender.send(out, fails)

    with pytest.raises(OSError, match="gone"):
        some()
    assert not carrier.due
    assert torch.equal(out, torch.ones(4))


def test_rows_are_read_by_way_of_a_sender(six: Pool) -> None:
    direct, sent = PoolMatrix(six, CPU), PoolMatrix(six, CPU)
    rows = [torch.zeros(direct.layout.size, dtype=torch.float16) for _ in range(2)]
    found = [
        read_row(six, "c", row, direct.layout, sender) for row, sender in zip(rows, (None, Sender(Late())), strict=True)
    ]
    assert rows[0].any()
    assert torch.equal(*rows)
    assert found[0]["steps"] == found[1]["steps"] == ord("c")
    assert sent.layout.places == direct.layout.places


def test_broken_values_are_seen_before_they_are_sent(tmp_path: Path) -> None:
    save_file({"w": torch.tensor([1.0, float("nan")]), "b": torch.ones(3)}, tmp_path / "one.safetensors")
    pool = Pool.open(tmp_path)
    layout = PoolMatrix(pool, CPU).layout
    with pytest.warns(SoupWarning, match="'one' has values that are not finite, in w"):
        read_row(pool, "one", torch.zeros(layout.size), layout, Sender(Late()))


@pytest.mark.parametrize("host", ["all rows", "two rows"])
def test_what_a_card_has_no_room_for_is_mixed_in_memory_and_sent_in_parts(
    six: Pool, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = PoolMatrix(six, CPU)
    each = full.held_bytes / 6
    with pytest.warns(SoupWarning, match="there is room for 1"):
        card = PoolMatrix(six, CPU, room=1.5 * each)
    carrier = Late()
    card._sender = Sender(carrier, piece=320)
    monkeypatch.setattr(matrix, "room_for_weights", lambda _device: (6 if host == "all rows" else 2.5) * each)
    recipes = [
        Recipe(dict.fromkeys("abcdef", 1 / 6)), Recipe({"a": 0.25, "b": 0.75}), Recipe({"c": 1.0}),
        Recipe({"d": 0.5, "f": 0.5}, {"b": {"a": 1.0}}),
    ]  # fmt: skip
    for recipe in recipes:
        one, other = torch.zeros(full.layout.size), torch.zeros(full.layout.size)
        full.mix(recipe, one)
        if host == "two rows" and card._host is None and len(recipe) > 1:
            with pytest.warns(SoupWarning, match="there is room for 2"):
                card.mix(recipe, other)
        else:
            card.mix(recipe, other)
        for place in full.layout.places.values():
            assert torch.equal(place.view(one), place.view(other)), recipe
    # 160 to 240 numbers of four bytes in pieces of 80.
    assert carrier.told[:5] == ["begin", *3 * ["copy"], "end"] or host == "two rows"
    assert not carrier.due


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
def test_sending_to_a_card() -> None:
    card = torch.device("cuda")
    out = torch.zeros(1000, device=card)
    with Sender(CopyStream(card), piece=400) as sender:
        for start in range(0, 1000, 100):
            sender.send(out[start : start + 100], lambda place, start=start: place.fill_(start))  # type: ignore[misc]
    assert torch.equal(out.cpu(), torch.arange(0.0, 1000, 100).repeat_interleave(100))
