"""What a diagnosis says: findings, and one sentence that sums them up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from soupwidgets.text import one_line

Kind = Literal[
    "not finite", "same twice", "permuted twin", "other start", "class order", "other head", "too far",
    "batch normalisation", "rounding", "barrier", "worse than its start", "confidence", "harm",
]  # fmt: skip


@dataclass(frozen=True)
class Finding:
    """Something that spoils a soup, or will.

    Parameters
    ----------
    kind
        What it is.
    members
        The checkpoints that it is about.
    what
        What is the matter with them, to follow their names: ``"is from another start"``.
    advice
        What to do.
    evidence
        A sentence with the numbers that show it.
    numbers
        These numbers by name.
    """

    kind: Kind
    members: tuple[str, ...]
    what: str
    advice: str
    evidence: str
    numbers: Mapping[str, Any] = field(default_factory=dict)

    @property
    def sentence(self) -> str:
        """Who, what, and what to do."""
        return one_line(f"{and_so_on(self.members)} {self.what}: {self.advice}.")

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "kind": self.kind, "members": list(self.members), "sentence": self.sentence, "advice": self.advice,
            "evidence": one_line(self.evidence), "numbers": dict(self.numbers),
        }  # fmt: skip


def and_so_on(names: Sequence[str], most: int = 3) -> str:
    """A few names, and how many more there are.

    Examples
    --------
    >>> and_so_on(["a"]), and_so_on(["a", "b", "c"]), and_so_on(list("abcdef"))
    ('a', 'a, b and c', 'a, b, c and 3 more')
    """
    if len(names) > most:
        return f"{', '.join(names[:most])} and {len(names) - most} more"
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def accused(findings: Iterable[Finding]) -> list[str]:
    """The checkpoints that findings are about, each once."""
    return list(dict.fromkeys(name for finding in findings for name in finding.members))
