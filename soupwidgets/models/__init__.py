"""What the tensors of a pool belong to: how to build it, what goes in, what comes out."""

from soupwidgets.models.architecture import Architecture
from soupwidgets.models.cards import model_from_json
from soupwidgets.models.classifier import ImageClassifier
from soupwidgets.models.custom import Custom, model_of, named_factory
from soupwidgets.models.guess import assumed, fits, guess, the_one
from soupwidgets.models.heads import prompt_head
from soupwidgets.models.inputs import Arrays, Images, Input, Inputs, Normaliser, Prepare, Tokens
from soupwidgets.models.model import Model
from soupwidgets.models.prompts import fill
from soupwidgets.models.saved_names import saved_names, under_names
from soupwidgets.models.sources import Timm, Torchvision, Transformers, timm, torchvision, transformers
from soupwidgets.models.streamlined import streamline, use_fused_products
from soupwidgets.models.zero_shot import open_clip_classifier

__all__ = [
    "Architecture",
    "Arrays",
    "Custom",
    "ImageClassifier",
    "Images",
    "Input",
    "Inputs",
    "Model",
    "Normaliser",
    "Prepare",
    "Timm",
    "Tokens",
    "Torchvision",
    "Transformers",
    "assumed",
    "fill",
    "fits",
    "guess",
    "model_from_json",
    "model_of",
    "named_factory",
    "open_clip_classifier",
    "prompt_head",
    "saved_names",
    "streamline",
    "the_one",
    "timm",
    "torchvision",
    "transformers",
    "under_names",
    "use_fused_products",
]
