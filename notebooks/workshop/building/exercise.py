"""An exercise: what is asked, the answer, and a hint for every usual wrong one."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

import yaml


@dataclass(frozen=True)
class Exercise:
    """One exercise, as a source has it.

    Parameters
    ----------
    name
        The Python name of its answer.
    title, ask, explained
        Markdown: what it is called, what is asked, and how the solution is found.
    start
        Python that a learner is given.
    solution
        Python that ends with the answer in ``name``.
    answer
        A number, or a text in any case; of several, each is right. None where the answer is no number or text: then
        ``test`` has the assertions.
    tolerance
        How far a number may be away.
    hints
        Of usual wrong answers: ``say``, with ``when`` (a number or a text) or ``low`` and ``high``. The first one that
        fits is said.
    otherwise
        What is said of all other answers.
    test
        Assertions in Python, with hints, that an answer which is no number or text has to pass.
    shown
        Whether a page shows what the cell prints: what is needed for the answer.
    """

    name: str
    title: str
    ask: str
    solution: str
    explained: str
    start: str = ""
    answer: Any = None
    tolerance: float = 0.0
    hints: list[dict[str, Any]] = field(default_factory=list)
    otherwise: str = ""
    test: str = ""
    shown: bool = False

    @property
    def answers(self) -> list[Any]:
        """Every right answer."""
        return self.answer if isinstance(self.answer, list) else [self.answer]

    def learners_code(self, words: dict[str, str]) -> str:
        """What a learner begins with."""
        return f"{self.start}{self.name} = ...  # {words['yours']}"

    @property
    def solved_code(self) -> str:
        """The same with the solution."""
        return f"{self.start}{self.solution}".rstrip()

    def check(self, words: dict[str, str]) -> str:
        """A cell that checks the answer by pytest."""
        lines = [f"def test_{self.name}():", f"    assert {self.name} is not ..., {words['nothing']!r}"]
        if self.test:
            lines += [f"    {line}" for line in self.test.rstrip().split("\n")]
        elif isinstance(self.answers[0], str):
            lines.append(f"    given = str({self.name}).strip().lower()")
            lines += [f"    assert given != {one['when'].lower()!r}, {one['say']!r}" for one in self.hints]
            lines.append(f"    assert given in {[one.lower() for one in self.answers]}, {self.otherwise!r}")
        else:
            lines.append(f"    assert isinstance({self.name}, Real), {words['number']!r}")
            lines += [f"    assert {self._unlike(one)}, {one['say']!r}" for one in self.hints]
            near = " or ".join(f"{self.name} == approx({one}, abs={self.tolerance})" for one in self.answers)
            lines.append(f"    assert {near}, {self.otherwise!r}")
        return "\n".join([*lines, "", f"check(test_{self.name})"])

    def _unlike(self, hint: dict[str, Any]) -> str:
        if "when" in hint:
            return f"{self.name} != approx({hint['when']}, abs={self.tolerance})"
        return f"not {hint['low']} <= {self.name} <= {hint['high']}"

    def to_json(self) -> dict[str, Any] | None:
        """What a page needs to check it; None when it takes Python."""
        if self.answer is None:
            return None
        told = {"name": self.name, "title": self.title, "ask": self.ask, "otherwise": self.otherwise}
        return {**told, "answers": self.answers, "tolerance": self.tolerance, "hints": self.hints}


def exercise_of(cell: Any) -> Exercise:
    """Read the exercise in a cell."""
    told = yaml.safe_load(cell.source)
    if unknown := set(told) - {one.name for one in fields(Exercise)}:
        raise ValueError(f"an exercise has no {sorted(unknown)[0]!r}: {cell.source[:60]}")
    return Exercise(**told)
