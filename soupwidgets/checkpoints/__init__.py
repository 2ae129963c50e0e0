"""Reading and writing weight files; no other package opens them."""

from soupwidgets.checkpoints.adapted import AdapterFile, AdapterWeights, with_adapter
from soupwidgets.checkpoints.adapter_config import CONFIG_NAME
from soupwidgets.checkpoints.adapters import as_classifier, with_tensors
from soupwidgets.checkpoints.card import CARD_KEY, Card
from soupwidgets.checkpoints.downloads import locate
from soupwidgets.checkpoints.errors import CheckpointError
from soupwidgets.checkpoints.file import CheckpointFile
from soupwidgets.checkpoints.heads import different_heads, head_of, with_classes, with_head_of
from soupwidgets.checkpoints.lora import Adapter, adapter_folder
from soupwidgets.checkpoints.products import Product, add_products
from soupwidgets.checkpoints.remote import fetch, fetch_matching, is_url
from soupwidgets.checkpoints.safetensors_files import TensorInfo
from soupwidgets.checkpoints.sources import INDEX_ENDING
from soupwidgets.checkpoints.state_dicts import SeveralPartsError
from soupwidgets.checkpoints.writing import atomic_path, write_checkpoint, write_pieces, write_stream

__all__ = [
    "Adapter",
    "AdapterFile",
    "AdapterWeights",
    "CARD_KEY",
    "CONFIG_NAME",
    "Card",
    "CheckpointError",
    "CheckpointFile",
    "INDEX_ENDING",
    "Product",
    "SeveralPartsError",
    "TensorInfo",
    "adapter_folder",
    "add_products",
    "as_classifier",
    "atomic_path",
    "different_heads",
    "fetch",
    "fetch_matching",
    "head_of",
    "is_url",
    "locate",
    "with_adapter",
    "with_classes",
    "with_head_of",
    "with_tensors",
    "write_checkpoint",
    "write_pieces",
    "write_stream",
]
