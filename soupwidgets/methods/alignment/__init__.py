"""Permutation alignment: reorder the hidden units of one checkpoint so that they fit another's.

`groups` says which axes of which tensors a permutation moves together, `families` reads that from the tensors' names,
`matching` finds the permutations, and `align` writes the file.
"""

from soupwidgets.methods.alignment.align import Alignment, align
from soupwidgets.methods.alignment.families import find_groups
from soupwidgets.methods.alignment.groups import Groups
from soupwidgets.methods.alignment.matching import Matching, match_weights

__all__ = ["Alignment", "Groups", "Matching", "align", "find_groups", "match_weights"]
