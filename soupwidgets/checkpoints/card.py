"""The card that a checkpoint carries in its safetensors metadata: what it is and how it was trained."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal, get_args

from soupwidgets.text import require_characters

CARD_KEY = "soupwidgets"
CheckpointRole = Literal["zero_shot", "fine_tuned", "bad_ingredient", "landmark"]


@dataclass(frozen=True, repr=False)
class Card:
    """What a checkpoint states about itself; files from other projects may lack any entry.

    Parameters
    ----------
    name
        Name within its pool; if empty, the file's name is used.
    role
        ``zero_shot`` (the common ancestor), ``fine_tuned`` (an ingredient), or
        ``bad_ingredient`` (one that is included because it spoils a soup), or ``landmark``
        (a point that spans a plane or bends a curve, not a model to use).
    note
        One sentence for human readers.
    architecture
        The card of a `soupwidgets.models.Architecture`.
    hyperparameters
        How it was fine-tuned.
    training
        How it was trained, as strings that are compared between models: ``ancestor``, ``reinit``,
        ``architecture``, ``framework``, ``data set``; any of them may be absent.
    """

    name: str = ""
    role: CheckpointRole = "fine_tuned"
    note: str = ""
    architecture: Mapping[str, Any] | None = None
    hyperparameters: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        """Only the entries that are set, with the architecture abbreviated."""
        stated = {
            entry.name: getattr(self, entry.name)
            for entry in fields(self)
            if getattr(self, entry.name) and entry.name != "architecture"
        }
        words = [f"{name}={dict(value) if isinstance(value, Mapping) else value!r}" for name, value in stated.items()]
        return f"Card({', '.join([*words, *(['architecture=...'] if self.architecture else [])])})"

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, str]) -> Card:
        """Read the card from a file's metadata.

        Raises
        ------
        ValueError
            When there is a card but it is not JSON in the expected form.
        """
        text = metadata.get(CARD_KEY)
        if text is None:
            return cls()
        try:
            card = json.loads(text)
            require_characters(text, card)
            name, role, note = card.get("name", ""), card.get("role", "fine_tuned"), card.get("note", "")
            architecture, hyperparameters = card.get("architecture"), card.get("hyperparameters", {})
            training = card.get("training", {})
            # The first version of the zoo's cards states the pre-training in a separate entry.
            if not training and card.get("pretraining"):
                training = {"ancestor": json.dumps(card["pretraining"], sort_keys=True)}
        except (ValueError, AttributeError) as error:
            raise ValueError(f"its {CARD_KEY!r} card is not a JSON object ({error})") from error
        except RecursionError:
            raise ValueError(f"its {CARD_KEY!r} card is nested too deeply") from None
        if not isinstance(name, str) or not isinstance(note, str):
            raise ValueError(f"its {CARD_KEY!r} card has a name or note that is not a string")
        if role not in get_args(CheckpointRole):
            raise ValueError(f"its {CARD_KEY!r} card has the unknown role {role!r}")
        if not isinstance(hyperparameters, dict) or not isinstance(architecture, dict | None):
            raise ValueError(f"its {CARD_KEY!r} card has hyper-parameters or an architecture that is not an object")
        if not isinstance(training, dict) or not all(isinstance(text, str) for text in training.values()):
            raise ValueError(f"its {CARD_KEY!r} card says how the model was trained in something other than strings")
        return cls(name, role, note, architecture, hyperparameters, training)
