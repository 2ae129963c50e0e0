"""Landscapes against numbers from elsewhere: a quadratic, a two-layer network, and heads on fixed features."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.special import logsumexp

import soupwidgets as sw
from soupwidgets import Evaluator, Pool, Recipe, Store, Suite
from soupwidgets.mixing import Curve, curve_coefficients
from soupwidgets.topics.landscape.sharpness import hessian_product, power_iteration
from tests.fixtures import TINY


@pytest.fixture
def heads(write_checkpoint, suite: Suite, tmp_path: Path) -> tuple[Evaluator, dict[str, np.ndarray], np.ndarray]:
    """Three models with one tower and heads of their own, those heads, and the features of the validation images."""
    torch.manual_seed(2)
    base = TINY.build().state_dict()
    weights = {}
    for name in ("a", "b", "c"):
        head = 3 * torch.randn_like(base["head.weight"])
        weights[name] = head.double().numpy()
        path = write_checkpoint(name, {**base, "head.weight": head}, architecture=TINY.to_json())
    ev = Evaluator(Pool.open(path.parent), suite, device="cpu", store=Store(tmp_path / "store"))
    split = suite.validation
    with ev.model(Recipe({"a": 1})) as model, torch.inference_mode():
        images, _ = ev.batch(split, np.arange(len(split)))
        features = F.normalize(model.visual(images), dim=-1).double().numpy()
    return ev, weights, features


def by_hand(heads: tuple, recipe: Recipe) -> tuple[float, float]:
    """Loss and error of a mixture of heads: the second layer is linear, so logits mix as weights do."""
    ev, weights, features = heads
    logits = features @ sum(c * weights[name] for name, c in recipe.items()).T
    labels = ev.suite.validation.labels
    loss = (logsumexp(logits, axis=1) - logits[np.arange(len(labels)), labels]).mean()
    return float(loss), float((logits.argmax(axis=1) != labels).mean())


def test_plane_of_a_two_layer_network(heads: tuple) -> None:
    ev, weights, _ = heads
    found = sw.landscape.plane(ev, ("a", "b", "c"), grid=5, progress=False)
    a, b, c = (weights[name].ravel() for name in ("a", "b", "c"))
    u = (b - a) / np.linalg.norm(b - a)
    v = c - a - (c - a) @ u * u
    v /= np.linalg.norm(v)
    for row, y in enumerate(found.y):
        for column, x in enumerate(found.x):
            # The point's weights from the axes themselves, not from the recipe that the engine mixed.
            theta = (a + x * u + y * v).reshape(weights["a"].shape)
            loss, error = by_hand((ev, {"here": theta}, heads[2]), Recipe({"here": 1}))
            assert found.loss[row, column] == pytest.approx(loss, rel=1e-5)
            assert found.error[row, column] == pytest.approx(error, abs=3 / 5000)


def test_line_barrier_and_bezier_of_a_two_layer_network(heads: tuple) -> None:
    ev = heads[0]
    line = sw.landscape.line(ev, "a", "b", steps=9, beyond=0.25, progress=False)
    expected = {t: by_hand(heads, Recipe({"a": 1 - t, "b": t})) for t in line.scores}
    assert line.losses == pytest.approx({t: loss for t, (loss, _) in expected.items()}, rel=1e-5)
    errors = [expected[i / 8][1] for i in range(9)]
    assert line.barrier == pytest.approx(max(errors) - (errors[0] + errors[-1]) / 2, abs=3 / 5000)
    curve = Curve("a", "c", "b")
    for state in sw.landscape.stream_path(ev, curve.recipes(5), ("a", "b")):
        last = state
    for t, loss in last.losses.items():
        theta = Recipe({"a": (1 - t) ** 2, "c": 2 * t * (1 - t), "b": t**2})
        assert loss == pytest.approx(by_hand(heads, theta)[0], rel=1e-5)
    assert last.exact


def test_curves_begin_and_end_at_their_models() -> None:
    for kind in ("bezier", "polygon"):
        assert (curve_coefficients(kind, 0), curve_coefficients(kind, 1)) == ((1, 0, 0), (0, 0, 1))
        for t in (0.1, 0.5, 0.7):
            assert sum(curve_coefficients(kind, t)) == pytest.approx(1)
    # With the bend in the middle a Bezier curve is the straight line, evenly walked.
    bezier = np.array([curve_coefficients("bezier", t) for t in (0.2, 0.6)])
    assert bezier @ [0, 0.5, 1] == pytest.approx([0.2, 0.6])


def test_sharpness_of_a_quadratic_is_its_largest_eigenvalue() -> None:
    rng = np.random.default_rng(0)
    orthogonal, _ = np.linalg.qr(rng.normal(size=(6, 6)))
    matrix = torch.from_numpy(orthogonal @ np.diag([5.0, -3, 2, 1, 0.5, 0]) @ orthogonal.T)

    def loss(at: dict[str, torch.Tensor]) -> torch.Tensor:
        flat = torch.cat([at["w"].reshape(-1), at["b"]])
        return flat @ matrix @ flat / 2

    at = {"w": torch.from_numpy(rng.normal(size=(2, 2))), "b": torch.from_numpy(rng.normal(size=2))}
    start = {name: torch.from_numpy(rng.normal(size=tensor.shape)) for name, tensor in at.items()}
    *_, (value, residual) = power_iteration(lambda v: hessian_product(loss, at, v), start, 60)
    assert value == pytest.approx(5, rel=1e-10)
    assert residual < 1e-6


def test_hessian_products_of_a_two_layer_network_by_brute_force() -> None:
    torch.manual_seed(0)
    x, y = torch.randn(20, 3).double(), torch.randint(0, 4, (20,))
    at = {"first": torch.randn(5, 3).double(), "second": torch.randn(4, 5).double()}

    def loss(weights: dict[str, torch.Tensor]) -> torch.Tensor:
        return F.cross_entropy(torch.tanh(x @ weights["first"].T) @ weights["second"].T, y)

    def flat_loss(theta: torch.Tensor) -> torch.Tensor:
        return loss({"first": theta[:15].view(5, 3), "second": theta[15:].view(4, 5)})

    theta = torch.cat([at["first"].reshape(-1), at["second"].reshape(-1)])
    hessian = torch.autograd.functional.hessian(flat_loss, theta)
    v = torch.randn(35).double()
    product = hessian_product(loss, at, {"first": v[:15].view(5, 3), "second": v[15:].view(4, 5)})
    torch.testing.assert_close(torch.cat([product["first"].reshape(-1), product["second"].reshape(-1)]), hessian @ v)
    start = {"first": v[:15].view(5, 3), "second": v[15:].view(4, 5)}
    *_, (value, _) = power_iteration(lambda w: hessian_product(loss, at, w), start, 400)
    eigenvalues = torch.linalg.eigvalsh(hessian)
    assert value == pytest.approx(float(eigenvalues[eigenvalues.abs().argmax()]), rel=1e-6)


def test_sharpness_of_heads_is_that_of_the_softmax_regression(heads: tuple) -> None:
    """With the tower's gradient far smaller, the Hessian's block of the head bounds the eigenvalue from below."""
    ev, weights, features = heads
    found = sw.landscape.sharpness(ev, "a", images=128, iterations=200, tolerance=1e-6)
    assert found.converged
    assert found.images == 128
    rows = ev.reader(ev.suite.validation).order[:128]
    logits = torch.from_numpy(features[rows] @ weights["a"].T)
    p = logits.softmax(dim=1)
    outer = torch.diag_embed(p) - p[:, :, None] * p[:, None]
    f = torch.from_numpy(features[rows])
    block = torch.einsum("nij,nk,nl->ikjl", outer, f, f).reshape(80, 80) / 128
    assert found.eigenvalue > float(torch.linalg.eigvalsh(block)[-1]) * 0.999
    # The Rayleigh quotients of power iteration rise to the eigenvalue.
    assert max(found.history) == pytest.approx(found.eigenvalue, rel=1e-4)
    lines = list(sw.landscape.stream_sharpness(ev, "a", images=128, iterations=2))
    assert [len(s.history) for s in lines] == [1, 2]
    assert not lines[-1].converged


def test_sharpness_of_a_broken_model_is_an_error(write_checkpoint, suite: Suite, tmp_path: Path) -> None:
    tensors = {n: t * float("inf") if n == "head.weight" else t for n, t in TINY.build().state_dict().items()}
    path = write_checkpoint("broken", tensors, architecture=TINY.to_json())
    ev = Evaluator(Pool.open(path.parent), suite, device="cpu", store=Store(tmp_path / "store"))
    with pytest.warns(UserWarning, match="not finite"), pytest.raises(ValueError, match="not a finite number"):
        sw.landscape.sharpness(ev, "broken", images=64)
