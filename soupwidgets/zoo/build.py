"""Building the miniature zoo: one suite, and two pools from two pre-training seeds.

Every file is one job. A job whose file exists already is skipped, and
pre-training resumes from its last saved step, so an interrupted build is
resumed with the same command. Each job runs on one thread: its sums are
then always computed in the same order, and equal seeds give equal weights.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm

from soupwidgets.checkpoints import CARD_KEY, CheckpointFile, atomic_path, write_checkpoint
from soupwidgets.zoo.finetune import FineTuneConfig, draw_config, fine_tune
from soupwidgets.zoo.pretrain import ARCHITECTURE, PretrainConfig, pretrain, zero_shot_tensors
from soupwidgets.zoo.raw import DEFAULT_FOLDER, LabelledImages, RawData, read_raw
from soupwidgets.zoo.suite import build_suite

ZERO_SHOT = "zero-shot"


@dataclass(frozen=True)
class PoolPlan:
    """Which checkpoints a pool consists of.

    Parameters
    ----------
    folder
        Name of the pool's folder.
    pretraining
        How its common ancestor is trained.
    ingredients
        Number of fine-tuned models with randomly drawn hyper-parameters.
    bad_learning_rate
        One more model, with this far too large learning rate.
    other_ancestor
        One more model, fine-tuned from this other pre-training.
    """

    folder: str
    pretraining: PretrainConfig
    ingredients: int
    bad_learning_rate: FineTuneConfig | None = None
    other_ancestor: PretrainConfig | None = None


@dataclass(frozen=True)
class _Job:
    path: Path
    ancestor: Path
    config: FineTuneConfig
    card: dict[str, Any]


def default_plans() -> list[PoolPlan]:
    """The two pools that are part of the repository."""
    first, second = PretrainConfig(seed=0), PretrainConfig(seed=1)
    bad = FineTuneConfig(seed=100, learning_rate=2e-2, epochs=4, weight_decay=0.01)
    return [
        PoolPlan("fashion", first, ingredients=22, bad_learning_rate=bad, other_ancestor=second),
        PoolPlan("fashion-b", second, ingredients=8, bad_learning_rate=bad),
    ]


def build_zoo(
    out: Path, work: Path, *, raw_folder: Path = DEFAULT_FOLDER, plans: list[PoolPlan] | None = None, workers: int = 2
) -> None:
    """Build the suite and every checkpoint of the plans.

    Parameters
    ----------
    out
        Folder for ``suites/fashion`` and ``zoo/<pool>``.
    work
        Folder for unfinished pre-training and the pre-trained ancestors.
    raw_folder
        The four Fashion-MNIST files.
    plans
        The pools to build; `default_plans` when None.
    workers
        Number of parallel processes, with one thread each.

    Raises
    ------
    FileNotFoundError
        When the raw data is not in ``raw_folder``.
    """
    plans = default_plans() if plans is None else plans
    raw = read_raw(raw_folder)
    build_suite(raw, out / "suites" / "fashion")
    context = multiprocessing.get_context("spawn")
    slots: Any = context.Manager().Queue()
    for slot in range(workers):
        slots.put(slot + 1)
    lock = context.RLock()
    tqdm.set_lock(lock)
    with ProcessPoolExecutor(workers, context, _start_worker, (raw_folder, slots, lock)) as pool:
        ancestors = {p.pretraining for p in plans} | {p.other_ancestor for p in plans if p.other_ancestor}
        pretraining = {
            pool.submit(_pretrain_job, config, _ancestor_path(work, config), work / f"pretraining-{config.seed}.pt")
            for config in sorted(ancestors, key=lambda config: config.seed)
        }
        tuning: set[Future[None]] = set()
        with tqdm(total=sum(len(_jobs(plan, out, work)) for plan in plans), desc="checkpoints", position=0) as bar:
            while pretraining or tuning:
                done, _ = wait(pretraining | tuning, return_when=FIRST_COMPLETED)
                for future in done:
                    future.result()
                bar.update(len(done & tuning))
                finished = bool(done & pretraining)
                pretraining, tuning = pretraining - done, tuning - done
                if finished and not pretraining:
                    tuning |= {pool.submit(_tune_job, job) for plan in plans for job in _jobs(plan, out, work)}
    for plan in plans:
        _write_zero_shot(_ancestor_path(work, plan.pretraining), out / "zoo" / plan.folder, plan.pretraining)
    write_hashes(out)


def _ancestor_path(work: Path, config: PretrainConfig) -> Path:
    return work / f"ancestor-{config.seed}.safetensors"


def _jobs(plan: PoolPlan, out: Path, work: Path) -> list[_Job]:
    folder = out / "zoo" / plan.folder

    def job(name: str, role: str, note: str, config: FineTuneConfig, ancestor: PretrainConfig) -> _Job:
        card = _card(name, role, note, ancestor, asdict(config))
        return _Job(folder / f"{name}.safetensors", _ancestor_path(work, ancestor), config, card)

    jobs = [job(f"ft-{i:02}", "fine_tuned", "", draw_config(i), plan.pretraining) for i in range(plan.ingredients)]
    if plan.bad_learning_rate:
        note = "A bad ingredient: its learning rate is far too large."
        jobs.append(job("bad-lr", "bad_ingredient", note, plan.bad_learning_rate, plan.pretraining))
    if plan.other_ancestor:
        note = "A bad ingredient: fine-tuned well, but from another pre-training seed."
        jobs.append(job("other-seed", "bad_ingredient", note, draw_config(0), plan.other_ancestor))
    return jobs


def _card(
    name: str, role: str, note: str, pretraining: PretrainConfig, hyperparameters: dict[str, Any]
) -> dict[str, Any]:
    return {
        "name": name,
        "role": role,
        "note": note,
        "architecture": ARCHITECTURE.to_json(),
        "pretraining": asdict(pretraining),
        "hyperparameters": hyperparameters,
    }


_raw: RawData
_slot: int


def _start_worker(raw_folder: Path, slots: Any, lock: Any) -> None:
    global _raw, _slot
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    tqdm.set_lock(lock)
    _raw, _slot = read_raw(raw_folder), slots.get()


def _pretrain_job(config: PretrainConfig, target: Path, state: Path) -> None:
    if _card_of(target) == _card(ZERO_SHOT, "zero_shot", "", config, {}):
        return
    state.parent.mkdir(parents=True, exist_ok=True)
    with tqdm(total=config.steps, desc=f"pre-training {config.seed}", position=_slot, leave=False) as bar:

        def progress(done: int, loss: float) -> None:
            bar.update(done - bar.n)
            bar.set_postfix(loss=f"{loss:.2f}", refresh=False)

        clip = pretrain(_raw.pretraining, config, resume_from=state, progress=progress)
    _save(target, zero_shot_tensors(clip), _card(ZERO_SHOT, "zero_shot", "", config, {}))
    state.unlink()


def _tune_job(job: _Job) -> None:
    if _card_of(job.path) == job.card:
        return
    tune(job.ancestor, _raw.fine_tuning, config=job.config, target=job.path, card=job.card, bar_position=_slot)


def tune(
    ancestor: Path,
    data: LabelledImages,
    *,
    config: FineTuneConfig,
    target: Path,
    card: dict[str, Any],
    bar_position: int = 0,
) -> None:
    """Fine-tune the checkpoint ``ancestor`` and write the result with its card to ``target``."""
    model = ARCHITECTURE.build()
    model.load_state_dict({name: tensor.float() for name, tensor in CheckpointFile(ancestor).read()})
    with tqdm(total=1, desc=target.stem, position=bar_position, leave=False) as bar:

        def progress(done: int, steps: int, loss: float) -> None:
            bar.total = steps
            bar.update(done - bar.n)
            bar.set_postfix(loss=f"{loss:.2f}", refresh=False)

        fine_tune(model, data, config=config, progress=progress)
    _save(target, model.state_dict(), card)


def _write_zero_shot(ancestor: Path, folder: Path, config: PretrainConfig) -> None:
    tensors = dict(CheckpointFile(ancestor).read())
    _save(folder / f"{ZERO_SHOT}.safetensors", tensors, _card(ZERO_SHOT, "zero_shot", "", config, {}))


def _save(path: Path, tensors: dict[str, Tensor], card: dict[str, Any]) -> None:
    """Save in half precision, which changes no accuracy by more than 0.04 points and halves the repository's size."""
    write_checkpoint(path, {name: tensor.to(torch.float16) for name, tensor in tensors.items()}, card)


def _card_of(path: Path) -> Any:
    return json.loads(CheckpointFile(path).metadata.get(CARD_KEY, "null")) if path.exists() else None


def write_hashes(folder: Path) -> None:
    """Write ``SHA256SUMS`` for all files of ``folder``: ``sha256sum --check SHA256SUMS`` verifies them."""
    files = [path for path in sorted(folder.rglob("*")) if path.suffix in (".safetensors", ".npy")]
    lines = [f"{hashlib.sha256(f.read_bytes()).hexdigest()}  {f.relative_to(folder).as_posix()}\n" for f in files]
    with atomic_path(folder / "SHA256SUMS") as path:
        path.write_text("".join(lines))
