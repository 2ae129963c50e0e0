"""Planes in weight space: points are recipes; models off the plane have a projection and a distance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from soupwidgets.pool import Pool
from soupwidgets.recipe import Recipe
from soupwidgets.topics.landscape.geometry import WeightGeometry, weight_geometry

# Below this fraction of the plane's size, three points count as collinear.
_FLAT = 1e-6


@dataclass(frozen=True)
class Place:
    """The projection of a model onto a plane, in Euclidean distances of weights.

    Parameters
    ----------
    x, y
        Its coordinates.
    off
        Its distance from the plane; its loss differs from the plane's value at (x, y) unless this is 0.
    """

    x: float
    y: float
    off: float


@dataclass(frozen=True, eq=False)
class Plane:
    """A plane with orthonormal axes, spanned by checkpoints.

    Parameters
    ----------
    geometry
        Inner products of all checkpoints that can be placed on it.
    origin, u, v
        Coefficients ``[names]`` of the point (0, 0), and of the two axes; those of the axes sum to 0.
    corners
        The models that the plane was made from, by name; they lie on it.
    explained
        For a plane of principal components, the share of the trajectory's variance along each axis.
    """

    geometry: WeightGeometry
    origin: NDArray[np.float64]
    u: NDArray[np.float64]
    v: NDArray[np.float64]
    corners: Mapping[str, Recipe]
    explained: tuple[float, float] | None = None

    def at(self, x: float, y: float) -> Recipe:
        """The point with these coordinates; its coefficients sum to 1.

        Examples
        --------
        >>> plane = plane_through(Pool.open("data/zoo/fashion"), ("zero-shot", "ft-00", "ft-03"))
        >>> place = plane.place("ft-03")
        >>> plane.at(place.x, place.y)
        Recipe({'ft-03': 1.0})
        """
        values = self.origin + x * self.u + y * self.v
        return Recipe(dict(zip(self.geometry.names, values.tolist(), strict=True)))

    def place(self, model: str | Recipe) -> Place:
        """Project a checkpoint or a recipe.

        Raises
        ------
        PoolError
            When a name has no inner products here, or the recipe's coefficients do not sum to 1.
        """
        recipe = Recipe({model: 1}) if isinstance(model, str) else model
        way = self.geometry.coefficients(recipe) - self.origin
        x, y = self.geometry.product(way, self.u), self.geometry.product(way, self.v)
        square = self.geometry.product(way, way)
        off = max(0.0, square - x * x - y * y)
        # The rounding error of a point on the plane is not a distance.
        return Place(x, y, float(np.sqrt(off)) if off > 1e-12 * max(square, 1e-300) else 0.0)

    def extent(self, margin: float = 0.25) -> tuple[tuple[float, float], tuple[float, float]]:
        """Limits of both axes that contain the corners, with a margin (a fraction of the longer side) around them."""
        places = [self.place(recipe) for recipe in self.corners.values()]
        xs, ys = [p.x for p in places], [p.y for p in places]
        room = margin * max(max(xs) - min(xs), max(ys) - min(ys))
        return (min(xs) - room, max(xs) + room), (min(ys) - room, max(ys) + room)

    def around(self, radius: float) -> tuple[tuple[float, float], tuple[float, float]]:
        """Limits of a square around the origin."""
        return (-radius, radius), (-radius, radius)


def plane_through(pool: Pool, models: Sequence[str | Recipe], others: Sequence[str] | None = None) -> Plane:
    """The plane through three models: the first at (0, 0), the second on the x axis, the third above it.

    Its axes have unit length.

    Parameters
    ----------
    models
        Three names or recipes.
    others
        Further checkpoints that can be placed on it; all of the pool when None.

    Raises
    ------
    PoolError, CheckpointError
        When a name is not in the pool, or a file becomes unreadable.
    ValueError
        When there are not three models, two are identical, or all three lie on one line.

    Notes
    -----
    Garipov et al., arXiv 1802.10026, appendix A.1 (Gram-Schmidt).
    """
    if len(models) != 3:
        raise ValueError(f"a plane goes through three models, got {len(models)}")
    corners = {
        m if isinstance(m, str) else _recipe_name(m): Recipe({m: 1}) if isinstance(m, str) else m for m in models
    }
    if len(corners) < 3:
        raise ValueError(f"a plane needs three different models; {', '.join(corners)} are given more than once")
    needed = [name for recipe in corners.values() for name in recipe]
    pool.require(needed)
    for name, recipe in corners.items():
        if recipe.by_tensor:
            raise ValueError(f"{name} has separate coefficients for some tensors: save it, and use the file")
    geometry = weight_geometry(pool, [*needed, *(pool.names if others is None else others)])
    origin, second, third = (geometry.coefficients(recipe)[0] for recipe in corners.values())
    names = list(corners)
    length = _length(geometry, second - origin)
    _apart(length, names[0], names[1])
    _apart(_length(geometry, third - origin), names[0], names[2])
    _apart(_length(geometry, third - second), names[1], names[2])
    u = (second - origin) / length
    across = third - origin - geometry.product(third - origin, u) * u
    height = _length(geometry, across)
    if height < _FLAT * length:
        raise ValueError(f"{', '.join(names)} lie on one line: draw it with landscape.line, or use another model")
    return Plane(geometry, origin, u, across / height, corners)


def trajectory_plane(pool: Pool, trajectory: Sequence[str], *, others: Sequence[str] = ()) -> Plane:
    """The plane that best fits a training run: its first two principal components, relative to its end.

    The last checkpoint is at (0, 0).

    Parameters
    ----------
    trajectory
        At least three names, the oldest first.
    others
        Further checkpoints that can be placed on it.

    Raises
    ------
    PoolError, CheckpointError
        When a name is not in the pool, or a file becomes unreadable.
    ValueError
        When there are fewer than three checkpoints, or they lie on one line.

    Notes
    -----
    Li et al., arXiv 1712.09913, section 7: principal components of theta_t - theta_T.
    """
    if len(trajectory) < 3:
        raise ValueError(f"a plane needs at least three checkpoints of a run, got {len(trajectory)}")
    pool.require(trajectory)
    geometry = weight_geometry(pool, [*trajectory, *others], origin=trajectory[-1])
    ways = np.zeros((len(trajectory) - 1, len(geometry.names)))
    for row, name in enumerate(trajectory[:-1]):
        ways[row, geometry.names.index(name)] += 1
        ways[row, geometry.names.index(trajectory[-1])] -= 1
    # Principal components from inner products alone: eigenvectors of the matrix of inner products.
    values, vectors = np.linalg.eigh(ways @ geometry.inner.sum(axis=0) @ ways.T)
    if values[-2] < _FLAT**2 * values[-1] or values[-1] <= 0:
        raise ValueError(f"the {len(trajectory)} checkpoints of this run lie on one line: there is no plane")
    axes = [vectors[:, -k] @ ways / np.sqrt(values[-k]) for k in (1, 2)]
    origin = np.zeros(len(geometry.names))
    origin[geometry.names.index(trajectory[-1])] = 1
    share = values[[-1, -2]] / values.sum()
    corners = {name: Recipe({name: 1}) for name in trajectory}
    return Plane(geometry, origin, axes[0], axes[1], corners, (float(share[0]), float(share[1])))


def _length(geometry: WeightGeometry, vector: NDArray[np.float64]) -> float:
    return float(np.sqrt(max(0.0, geometry.product(vector, vector))))


def _apart(distance: float, first: str, second: str) -> None:
    if distance == 0:
        raise ValueError(f"{first} and {second} have identical weights: no direction leads from one to the other")


def _recipe_name(recipe: Recipe) -> str:
    return f"mixture {recipe.hash[:6]}"
