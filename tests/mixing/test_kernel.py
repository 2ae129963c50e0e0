from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from soupwidgets.mixing import weighted_sum


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 6),
    st.integers(1, 600_000),
    st.lists(st.floats(-2, 2, allow_nan=False, width=32), min_size=6, max_size=6),
    st.integers(0, 99),
)
def test_equals_float64(count: int, length: int, coefficients: list[float], seed: int) -> None:
    torch.manual_seed(seed)
    rows = [torch.randn(length) for _ in range(count)]
    out = torch.full((length,), float("nan"))
    weighted_sum(rows, coefficients[:count], out)
    exact = sum(c * row.double() for c, row in zip(coefficients, rows, strict=False))
    size = sum(abs(c) * row.double().abs() for c, row in zip(coefficients, rows, strict=False))
    assert ((out - exact).abs() <= 1e-6 * size + 1e-30).all()


@pytest.mark.parametrize("alpha", [0.0, 0.1, 0.25, 0.5, 0.7, 0.999, 1.0, 1.5])
def test_wise_ft_line_equals_float64(alpha: float) -> None:
    torch.manual_seed(0)
    a, b = torch.randn(100_003), torch.randn(100_003)
    out = torch.empty(100_003)
    weighted_sum([a, b], [1 - alpha, alpha], out)
    exact = (1 - alpha) * a.double() + alpha * b.double()
    size = abs(1 - alpha) * a.abs() + abs(alpha) * b.abs()
    assert ((out - exact).abs() <= 1e-6 * size + 1e-30).all()


def test_identical_rows_stay_what_they_are() -> None:
    row = torch.randn(1000)
    out = torch.empty(1000)
    weighted_sum([row, row.clone()], [0.3, 0.7], out)
    assert torch.equal(out, row)


@pytest.mark.parametrize("count", [2, 3])
def test_rows_in_half_precision_are_summed_as_their_float32_copies(count: int) -> None:
    torch.manual_seed(0)
    dtypes = [torch.float16, torch.bfloat16, torch.float32]
    rows = [torch.randn(700_001).to(dtype) for dtype in dtypes[:count]]
    ours, widened = torch.empty(2, 700_001)
    weights = [0.3, 0.7, -0.2][:count]
    weighted_sum(rows, weights, ours)
    weighted_sum([row.float() for row in rows], weights, widened)
    assert torch.equal(ours, widened)
