"""Orders for the models of a matrix, such as similar models next to each other."""

from __future__ import annotations

from typing import Literal

import numpy as np

from soupwidgets.topics.diversity.matrices import DiversityMatrix

Ordering = Literal["as given", "by accuracy", "similar together"]


def ordered(matrix: DiversityMatrix, by: Ordering) -> list[str]:
    """Names of the models in a different order; in the given one until every pair has been compared.

    Parameters
    ----------
    by
        ``"by accuracy"``: from best to worst; ``"similar together"``: by average linkage of error inconsistency,
        with leaves in optimal order.

    Notes
    -----
    Bar-Joseph, Gifford and Jaakkola (2001), Bioinformatics 17 (optimal leaf ordering), as implemented in scipy.
    """
    from scipy.cluster.hierarchy import leaves_list, linkage, optimal_leaf_ordering
    from scipy.spatial.distance import squareform

    if by == "as given" or not matrix.exact:
        return list(matrix.names)
    if by == "by accuracy":
        accuracy = {pair.first: pair.accuracies[0] for pair in matrix.pairs}
        accuracy |= {pair.second: pair.accuracies[1] for pair in matrix.pairs}
        return sorted(matrix.names, key=lambda name: -accuracy[name])
    if len(matrix.names) < 3:
        return list(matrix.names)
    table = np.nan_to_num(matrix.table("error_inconsistency"))
    flat = squareform(table, checks=False)
    tree = optimal_leaf_ordering(linkage(flat, "average"), flat)
    return [matrix.names[i] for i in leaves_list(tree)]
