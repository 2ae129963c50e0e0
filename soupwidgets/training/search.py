"""Random search: the many fine-tuned models that a soup is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from tqdm.auto import tqdm

from soupwidgets.checkpoints import CheckpointFile, write_checkpoint
from soupwidgets.suites import Suite
from soupwidgets.training.checks import check_training
from soupwidgets.training.finetune import fine_tune
from soupwidgets.training.flyp import require_towers
from soupwidgets.training.hyperparameters import draw_hyperparameters
from soupwidgets.training.identity import require_same_ancestor, require_same_run, run_identity


def random_search(
    start: CheckpointFile,
    suite: Suite,
    *,
    folder: str | Path,
    runs: int,
    fixed: Mapping[str, Any] | None = None,
    seed: int = 0,
    device: str = "cpu",
    clip: str | None = None,
    progress: bool = True,
) -> list[Path]:
    """Fine-tune one model many times with random hyper-parameters, into a folder that `Pool.open` can open.

    Runs whose file exists are not repeated, and an interrupted one resumes
    from its last saved step: start the same search again. Existing runs that were
    started differently are refused before anything is written.

    Parameters
    ----------
    start
        The zero-shot classifier; it is written to the folder as well.
    suite
        The suite, for its training split.
    folder
        Receives ``zero-shot.safetensors``, ``ft-00.safetensors`` and so on.
    runs
        Number of runs.
    fixed
        Hyper-parameters that are fixed rather than drawn; with mode ``"flyp"`` there is neither mixup nor label
        smoothing.
    seed
        Seed of the first run; each further run adds 1.
    device
        ``"cpu"`` or ``"cuda"``.
    clip
        As in `fine_tune`.
    progress
        Whether to show progress bars.

    Returns
    -------
    list[Path]
        The zero-shot model, then the runs.

    Raises
    ------
    TrainingError, ValueError
        As in `fine_tune`; finished runs are kept. When the folder has models with another ancestor, or one of these
        runs with other hyper-parameters or training images; the message says what differs.

    Notes
    -----
    arXiv 2203.05482, section 3 and appendix J.
    """
    folder = Path(folder)
    kept = dict(fixed or {})
    if kept.get("mode") == "flyp":
        require_towers(start)
        kept = {"mixup": 0.0, "label_smoothing": 0.0, **kept}
    plans = {f"ft-{i:02}": replace(draw_hyperparameters(seed + i), **kept) for i in range(runs)}
    check_training(start, suite)
    require_same_ancestor(folder, start)
    paths = {name: folder / f"{name}.safetensors" for name in plans}
    done = {name for name, path in paths.items() if path.exists()}
    for name in done:
        require_same_run(paths[name], run_identity(start, suite, settings=plans[name], clip=clip))
    first = folder / "zero-shot.safetensors"
    if not first.exists():
        card = {"name": "zero-shot", "role": "zero_shot", "architecture": dict(start.card.architecture or {})}
        write_checkpoint(first, dict(start.read()), card)
    for name, settings in tqdm(plans.items(), desc="runs", unit="run", disable=not progress):
        if name in done:
            continue
        with tqdm(total=1, desc=name, leave=False, disable=not progress) as bar:
            state = folder / ".training" / f"{name}.pt"
            fine_tune(
                start,
                suite,
                settings=settings,
                target=paths[name],
                name=name,
                device=device,
                progress=partial(_show, bar, name),
                state=state,
                clip=clip,
            )
    return [first, *paths.values()]


def _show(bar: Any, name: str, what: str, done: int, steps: int, loss: float) -> None:
    bar.set_description(f"{name}, {what}", refresh=False)
    bar.total = steps
    bar.update(done - bar.n)
    bar.set_postfix(loss=f"{loss:.3f}", refresh=False)
