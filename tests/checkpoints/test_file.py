from __future__ import annotations

import contextlib
import json
import struct
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save, save_file

from soupwidgets import CheckpointError
from soupwidgets.checkpoints import CARD_KEY, CheckpointFile

WHOLE = save({"w": torch.arange(6, dtype=torch.float32).reshape(2, 3), "n": torch.tensor([7])})


def test_reads_header_then_tensors(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    path.write_bytes(WHOLE)
    file = CheckpointFile(path)
    assert file.tensors["w"].shape == (2, 3)
    assert file.tensors["w"].dtype == torch.float32
    read = dict(file.read())
    assert torch.equal(read["w"], torch.arange(6.0).reshape(2, 3))
    assert read["n"].item() == 7


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, len(WHOLE) - 1))
def test_a_truncated_file_is_one_clear_error(tmp_path: Path, length: int) -> None:
    path = tmp_path / "m.safetensors"
    path.write_bytes(WHOLE[:length])
    with pytest.raises(CheckpointError, match=r"m\.safetensors"):
        CheckpointFile(path)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200))
def test_any_bytes_are_a_file_or_one_clear_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "m.safetensors"
    path.write_bytes(content)
    with contextlib.suppress(CheckpointError):  # anything else fails the test
        CheckpointFile(path)


def test_a_header_that_lies_about_lengths(tmp_path: Path) -> None:
    header = json.dumps({"w": {"dtype": "F32", "shape": [1 << 40], "data_offsets": [0, 1 << 42]}}).encode()
    path = tmp_path / "m.safetensors"
    path.write_bytes(struct.pack("<Q", len(header)) + header + bytes(16))
    with pytest.raises(CheckpointError):
        CheckpointFile(path)


@pytest.mark.parametrize(
    "card", ["[]", "nonsense", '{"role": "king"}', '{"name": 3}', '{"hyperparameters": []}', "[" * 100_000]
)
def test_a_bad_card_is_refused(tmp_path: Path, card: str) -> None:
    path = tmp_path / "m.safetensors"
    save_file({"w": torch.zeros(1)}, path, metadata={CARD_KEY: card})
    with pytest.raises(CheckpointError, match="card"):
        CheckpointFile(path)


def test_hash_is_of_content_not_of_metadata(tmp_path: Path) -> None:
    def hash_of(name: str, tensors: dict[str, torch.Tensor], metadata: dict[str, str]) -> str:
        save_file(tensors, tmp_path / name, metadata=metadata)
        return CheckpointFile(tmp_path / name).content_hash

    tensors = {"w": torch.zeros(3)}
    first = hash_of("a", tensors, {"note": "x"})
    assert first == hash_of("b", tensors, {"note": "a longer note"})
    assert first != hash_of("c", {"v": torch.zeros(3)}, {})
    assert first != hash_of("d", {"w": torch.zeros(3, dtype=torch.int32)}, {})
    assert first != hash_of("e", {"w": torch.tensor([0.0, 0.0, 1e-30])}, {})
