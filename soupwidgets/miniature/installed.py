"""What is installed: where it lies, and how it is opened."""

from __future__ import annotations

from pathlib import Path

from soupwidgets.pool import Pool
from soupwidgets.suites import Suite

ZOO_FOLDER = Path(__file__).parent / "zoo"
SUITE_FOLDER = Path(__file__).parent / "suite"


def demo() -> tuple[Pool, Suite]:
    """Real models and real images to begin with: nothing is downloaded, and no checkout is needed.

    A part of the repository's data, the same everywhere. The models are six of the 25 in its ``data/zoo/fashion``,
    byte for byte, open_clip towers with 357,888 weights: the zero-shot model, four models fine-tuned from it
    (among the five that the greedy soup of 22 takes there) and one fine-tuned with far too large a learning rate.
    The images are Fashion-MNIST's, 28 pixels wide: the first 1,000 of validation and the first 2,000 of the test,
    and each of those 2,000 under one of eight distribution shifts, 250 images a shift. So few images tell an
    accuracy to 2 points either way on the test, and to 6 on one shift; the repository has five times as many.

    Returns
    -------
    tuple of Pool and Suite
        What an `Evaluator` takes. The images are Zalando's, under the MIT licence, which lies beside them.

    Examples
    --------
    >>> pool, suite = demo()
    >>> pool
    Pool(zero-shot: zero-shot; fine-tuned: ft-00, ft-03, ft-08, ft-11; bad ingredients: bad-lr)
    >>> len(suite.validation), len(suite.id_test), len(suite["rotate"])
    (1000, 2000, 250)
    """
    return Pool.open(ZOO_FOLDER), Suite.open(SUITE_FOLDER)
