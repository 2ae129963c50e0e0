"""A soup as a repository of the Hugging Face Hub: weights, recipe and model card; nothing is sent but by a push."""

from soupwidgets.hub.model_card import model_card
from soupwidgets.hub.repository import push_to_hub, write_repository

__all__ = ["model_card", "push_to_hub", "write_repository"]
