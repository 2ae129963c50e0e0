"""Reading and writing weight files; no other package opens them."""

from soupwidgets.checkpoints.adapters import as_classifier, with_tensors
from soupwidgets.checkpoints.card import CARD_KEY, Card
from soupwidgets.checkpoints.downloads import locate
from soupwidgets.checkpoints.errors import CheckpointError
from soupwidgets.checkpoints.file import CheckpointFile
from soupwidgets.checkpoints.safetensors_files import TensorInfo
from soupwidgets.checkpoints.sources import INDEX_ENDING
from soupwidgets.checkpoints.state_dicts import SeveralPartsError
from soupwidgets.checkpoints.writing import atomic_path, write_checkpoint, write_pieces, write_stream

__all__ = [
    "CARD_KEY",
    "Card",
    "CheckpointError",
    "CheckpointFile",
    "INDEX_ENDING",
    "SeveralPartsError",
    "TensorInfo",
    "as_classifier",
    "atomic_path",
    "locate",
    "with_tensors",
    "write_checkpoint",
    "write_pieces",
    "write_stream",
]
