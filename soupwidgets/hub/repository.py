"""The files of a soup's repository on the Hub, and the push that sends them there."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

from huggingface_hub import CommitOperationAdd, HfApi
from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined] # as documented, but loaded lazily

from soupwidgets.checkpoints import CheckpointError, atomic_path
from soupwidgets.evaluation import Evaluator
from soupwidgets.hub.model_card import model_card
from soupwidgets.recipe import Recipe, RecipeLike

_WEIGHTS, _CARD, _RECIPE = "model.safetensors", "README.md", "recipe.json"


def write_repository(
    ev: Evaluator,
    recipe: RecipeLike,
    folder: str | Path,
    *,
    license: str | None = None,
    base_models: Sequence[str] | None = None,
    progress: bool = True,
) -> Path:
    """Write what a repository of the Hub holds: the weights, a model card, and the recipe. Nothing is sent.

    Parameters
    ----------
    folder
        Where to; it is made if it is not there, and none of the three files may be in it.
    license, base_models
        As in `model_card`.

    Returns
    -------
    Path
        The same folder, with ``model.safetensors``, ``README.md`` and ``recipe.json``.

    Raises
    ------
    CheckpointError
        When a file is there already, or nothing can be written.
    PoolError, ValueError
        As in `model_card` and `Evaluator.save`.
    """
    recipe, folder = Recipe.of(recipe), Path(folder)
    for name in (_WEIGHTS, _CARD, _RECIPE):
        if (folder / name).exists():
            raise CheckpointError(folder / name, "there is a file already; give an empty folder")
    card = model_card(ev, recipe, license=license, base_models=base_models)
    hashes = {name: ev.pool.checkpoints[name].content_hash for name in recipe}
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CheckpointError(folder, f"no folder can be made there ({error})") from error
    ev.save(recipe, folder / _WEIGHTS, progress=progress)
    with atomic_path(folder / _RECIPE) as path:
        path.write_text(json.dumps({**json.loads(recipe.to_json()), "sha256": hashes}, indent=1) + "\n", "utf-8")
    with atomic_path(folder / _CARD) as path:
        path.write_text(card, "utf-8")
    return folder


def push_to_hub(
    ev: Evaluator,
    recipe: RecipeLike,
    repo_id: str,
    *,
    private: bool = True,
    license: str | None = None,
    base_models: Sequence[str] | None = None,
    progress: bool = True,
) -> str:
    """Send a soup to the Hugging Face Hub as a model repository, in one commit.

    It is done in the name of whom ``hf auth login`` or ``HF_TOKEN`` says. Nothing else in this package sends anything.

    Parameters
    ----------
    repo_id
        ``"owner/name"``; the repository is made if there is none.
    private
        Whether only its owner sees it. A public repository that is there already is then refused.
    license, base_models
        As in `model_card`.

    Returns
    -------
    str
        The address of the commit.

    Raises
    ------
    ValueError
        When that is no name of a repository, or that repository is public although ``private`` is set.
    PoolError, CheckpointError
        As in `write_repository`.
    huggingface_hub.errors.HfHubHTTPError
        When the Hub refuses.
    """
    validate_repo_id(repo_id)
    api = HfApi(library_name="soupwidgets")
    with tempfile.TemporaryDirectory(prefix="soupwidgets-hub-") as temporary:
        folder = write_repository(ev, recipe, temporary, license=license, base_models=base_models, progress=progress)
        made = api.create_repo(repo_id, private=private, exist_ok=True)
        if private and not api.model_info(made.repo_id).private:
            raise ValueError(
                f"{repo_id}: this repository is there already, and public; nothing was sent. private=False "
                "(or another name) if that is meant"
            )
        commit = api.create_commit(
            made.repo_id,
            [CommitOperationAdd(file.name, file) for file in sorted(folder.iterdir())],
            commit_message="A model soup, its recipe and its card",
        )
    return commit.commit_url
