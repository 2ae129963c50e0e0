from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from soupwidgets.mixing.fused import can_fuse_sums, fused_sums, kernel
from tests.fixtures import ROOT

_PROGRAM = """
import itertools, torch
from soupwidgets.mixing.fused import fused_sums

torch.manual_seed(0)
wide = torch.randn(6, 3000)
checked = 0
for stored, written, recipes in itertools.product(
    (torch.float32, torch.float16, torch.bfloat16), (torch.float32, torch.bfloat16), (1, 2, 3, 65)
):
    # A part of a larger matrix: rows are further apart than they are long.
    data = wide.to(stored)[:, 100:2117]
    rows = [4, 0, 5]
    shares = torch.randn(recipes, 3)
    out = torch.full((recipes, 2500), float("nan"), dtype=written)
    fused_sums(data, rows, shares.tolist(), out[:, :2017])
    exact = shares.double() @ data[rows].double()
    # The interpreter cuts digits off where a card rounds.
    rounding = 1e-6 if written == torch.float32 else 2**-7
    size = shares.abs().double() @ data[rows].abs().double()
    assert ((out[:, :2017].double() - exact).abs() <= rounding * size).all(), (stored, written, recipes)
    assert out[:, 2017:].isnan().all()
    checked += 1
print(checked)
"""


def test_sums_of_many_recipes_in_tritons_interpreter() -> None:
    pytest.importorskip("triton")
    # Triton decides when it is imported whether it interprets.
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM],
        env={**os.environ, "TRITON_INTERPRET": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.returncode) == ("24\n", 0), done.stderr


@pytest.mark.parametrize(("stored", "written", "most", "block"), [
    ("*bf16", "*fp32", 1, 1024), ("*bf16", "*fp32", 16, 256), ("*fp32", "*bf16", 4, 1024), ("*fp16", "*fp32", 2, 1024),
])  # fmt: skip
def test_the_kernel_compiles_for_a_card(
    stored: str, written: str, most: int, block: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which the interpreter does not try; Triton brings an assembler, and needs no card for it."""
    pytest.importorskip("triton")
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    from triton import compile as compiled
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    found = kernel()
    sizes = ("size", "recipes", "groups", "count")
    kinds = {"data": stored, "index": "*i64", "shares": "*fp32", "out": written, **dict.fromkeys(sizes, "i32"),
             "row_stride": "i64", "out_stride": "i64", "most": "constexpr", "block": "constexpr"}  # fmt: skip
    assert list(kinds) == found.arg_names
    # What every pool's buffers are: addresses and lengths are multiples of 16.
    aligned = {
        (place,): [["tt.divisibility", 16]]
        for place, name in enumerate(kinds)
        if name in ("data", "index", "shares", "out", "size", "row_stride", "out_stride")
    }
    source = ASTSource(found, kinds, {"most": most, "block": block}, aligned)
    made = compiled(source, target=GPUTarget("cuda", 90, 32))
    wide = "ld.global.v4.b32" if stored == "*fp32" or most == 1 else "ld.global.v"
    assert wide in made.asm["ptx"], "numbers that lie side by side are read one by one"
    assert ".local" not in made.asm["ptx"]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
def test_sums_on_a_card() -> None:
    torch.manual_seed(0)
    for dtype in (torch.float32, torch.bfloat16):
        data = torch.randn(7, 100_003, device="cuda").to(dtype)
        shares = torch.randn(5, 3)
        out = torch.empty(5, 100_003, device="cuda")
        fused_sums(data, [6, 0, 2], shares.tolist(), out)
        exact = shares.double().cuda() @ data[[6, 0, 2]].double()
        assert (out.double() - exact).abs().max() < 1e-4


def test_there_is_no_such_kernel_for_a_processor() -> None:
    assert not can_fuse_sums("cpu")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_where_the_kernel_cannot_run_it_is_said_and_sums_are_made_otherwise() -> None:
    pytest.importorskip("triton")
    with pytest.warns(UserWarning, match="Triton cannot be used on this card .*: mixing is slower"):
        assert not can_fuse_sums.__wrapped__("cuda")
