from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from soupwidgets import Evaluator, Pool, Store, Suite, wise_ft
from soupwidgets.devices import full_float32
from soupwidgets.evaluation.forward import Forward, ways
from soupwidgets.evaluation.recorded import Call, Recorded, recorded_on_card
from soupwidgets.evaluation.speeds import Way
from soupwidgets.models import Inputs

CPU, CARD = torch.device("cpu"), torch.device("cuda")


class Tape:
    """Records like a CUDA graph, as far as a CPU can: inputs are copied into memory of its own, weights are not."""

    def __init__(self) -> None:
        self.made: list[tuple[int, ...]] = []
        self.repeated = 0

    def __call__(self, network: Call, inputs: Inputs) -> Call:
        assert isinstance(inputs, Tensor)
        held = inputs.clone()
        self.made.append(tuple(inputs.shape))

        def repeat(given: Inputs) -> Tensor:
            assert isinstance(given, Tensor)
            held.copy_(given)
            self.repeated += 1
            return network(held).clone()

        return repeat


def test_a_shape_is_recorded_when_it_comes_again_and_new_weights_need_no_other_recording() -> None:
    tape, layer = Tape(), nn.Linear(4, 3).requires_grad_(False)
    recorded = Recorded(layer, tape)
    for number in (8, 5, 8, 8, 5, 7):
        inputs = torch.randn(number, 4)
        assert torch.equal(recorded(inputs), layer(inputs))
    assert tape.made == [(8, 4), (5, 4)]
    # Each once when it is compared with the network, and (8, 4) once more.
    assert tape.repeated == 3
    layer.weight.mul_(-2)
    inputs = torch.randn(8, 4)
    assert torch.equal(recorded(inputs), layer(inputs))
    assert (tape.made, tape.repeated) == ([(8, 4), (5, 4)], 4)


def test_another_way_begins_without_recordings() -> None:
    tape = Tape()
    forward = Forward(nn.Linear(4, 3).requires_grad_(False), tape)
    recorded, plain = Way("float32", False, recorded=True), Way("float32", False)
    for way, made in ((recorded, 1), (recorded, 1), (plain, 1), (recorded, 2)):
        forward.use(way)
        for _ in range(3):
            forward(torch.ones(2, 4))
        assert len(tape.made) == made


def test_what_cannot_be_repeated_is_computed() -> None:
    calls = []

    def other_each_time(inputs: Inputs) -> Tensor:
        calls.append(inputs)
        return torch.full((2, 2), float(len(calls)))

    recorded, tape = Recorded(other_each_time, one := Tape()), one
    assert [float(recorded(torch.zeros(2, 2))[0, 0]) for _ in range(3)] == [1, 2, 4]
    assert (tape.made, tape.repeated) == ([(2, 2)], 1)

    def refuses(network: Call, inputs: Inputs) -> Call:
        raise RuntimeError("operation not permitted when stream is capturing")

    layer = nn.Linear(2, 2)
    recorded = Recorded(layer, refuses)
    for _ in range(3):
        inputs = torch.randn(2, 2)
        assert torch.equal(recorded(inputs), layer(inputs))


def test_recordings_make_room_when_memory_is_short() -> None:
    tape, room = Tape(), 10

    def network(inputs: Inputs) -> Tensor:
        assert isinstance(inputs, Tensor)
        if len(inputs) > room:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return 2 * inputs

    recorded = Recorded(network, tape)
    for _ in range(3):
        recorded(torch.ones(10, 1))
    with pytest.raises(torch.OutOfMemoryError):
        recorded(torch.ones(20, 1))
    assert not recorded._recordings
    for _ in range(3):
        assert torch.equal(recorded(torch.ones(10, 1)), torch.full((10, 1), 2.0))
    assert tape.made == [(10, 1)]


def test_no_more_recordings_than_memory_is_meant_for() -> None:
    tape = Tape()
    recorded = Recorded(nn.Identity(), tape)
    for number in [*range(1, 20), *range(1, 20)]:
        recorded(torch.ones(number, 1))
    assert len(tape.made) == 8


def test_layouts_are_tried_where_there_are_convolutions() -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 2, 3), nn.Flatten()).eval()
    found = ways(network, "float32", CARD)
    assert found[0] == Way("float32", False)
    assert {(way.recorded, way.channels_last) for way in found} == {
        (a, b) for a in (False, True) for b in (False, True)
    }
    assert ways(network, "float32", CPU) == [Way("float32", False)]
    # A grey image, whose channels are one and the same memory.
    inputs = torch.rand(5, 1, 9, 9).expand(5, 3, 9, 9)
    layouts: list[bool] = []
    network[2].register_forward_hook(
        lambda _module, given, _out: layouts.append(given[0].is_contiguous(memory_format=torch.channels_last))
    )
    with torch.inference_mode():
        plain = network(inputs)
        for way in found:
            forward = Forward(network, Tape())
            forward.use(way)
            for _ in range(3):
                torch.testing.assert_close(forward(inputs), plain, rtol=1e-5, atol=1e-6)
    assert layouts[0] is False
    assert True in layouts


def test_an_evaluation_with_recordings_is_the_same(
    tiny_pool: Pool, tiny_evaluator: Evaluator, small_suite: Suite, tmp_path: Path
) -> None:
    ev = Evaluator(tiny_pool, small_suite, device="cpu", store=Store(tmp_path))
    _ = ev.precision
    network, tape = ev.computation.network, Tape()
    network._forwards[False] = forward = Forward(network.module, tape)
    forward.use(Way("float32", False, recorded=True))
    for alpha in (0.2, 0.7, 0.4):
        recipe = wise_ft(tiny_pool, "ft-a", alpha)
        found, expected = ev.evaluate(recipe, "val"), tiny_evaluator.evaluate(recipe, "val")
        assert found.split_logits("val") == pytest.approx(expected.split_logits("val"), abs=1e-4)
    # Recorded with the second recipe, repeated with the third.
    assert tape.made
    assert tape.repeated > len(tape.made)


def test_full_precision_leaves_other_devices_and_the_settings_alone() -> None:
    conv, matmul = torch.backends.cudnn.conv, torch.backends.cuda.matmul  # type: ignore[attr-defined]
    before = conv.fp32_precision, matmul.fp32_precision
    conv.fp32_precision = "tf32"
    try:
        with full_float32(CPU):
            assert conv.fp32_precision == "tf32"
        with full_float32(CARD):
            assert conv.fp32_precision == "ieee"
        assert (conv.fp32_precision, matmul.fp32_precision) == ("tf32", before[1])
    finally:
        conv.fp32_precision = before[0]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
def test_a_graph_on_a_card() -> None:
    layer = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Flatten(), nn.Linear(8 * 36, 5)).cuda().requires_grad_(False)
    recorded: Callable[[Inputs], Tensor] = Recorded(layer, recorded_on_card)
    for _ in range(4):
        inputs = torch.rand(6, 1, 8, 8, device="cuda").expand(6, 3, 8, 8)
        layer[2].weight.mul_(1.5)
        torch.testing.assert_close(recorded(inputs), layer(inputs))
    assert len(recorded._recordings) == 1  # type: ignore[attr-defined]
