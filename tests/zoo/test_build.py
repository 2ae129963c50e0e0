from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from soupwidgets import Pool
from soupwidgets.training import cosine_schedule
from soupwidgets.zoo import captions, styles
from soupwidgets.zoo.build import PoolPlan, build_zoo
from soupwidgets.zoo.finetune import FineTuneConfig, draw_config
from soupwidgets.zoo.pretrain import PretrainConfig, pretrain
from soupwidgets.zoo.raw import DEFAULT_FOLDER, LabelledImages, read_raw
from tests.fixtures import ROOT

needs_raw = pytest.mark.skipif(not DEFAULT_FOLDER.exists(), reason="Debian's dataset-fashion-mnist is not installed")


def small_data(n: int = 64) -> LabelledImages:
    rng = np.random.default_rng(0)
    return LabelledImages(rng.integers(0, 256, (n, 28, 28), dtype=np.uint8), rng.integers(0, 10, n, dtype=np.uint8))


def test_every_caption_can_be_tokenised_and_ends_with_the_largest_id() -> None:
    rng = np.random.default_rng(0)
    texts = [captions.caption(label, style, rng) for label in range(10) for style in captions.STYLES for _ in range(20)]
    texts += [prompt for label in range(10) for prompt in captions.prompts(label)]
    tokens = captions.tokenize(texts)
    assert int(tokens.max()) == captions.VOCABULARY_SIZE - 1
    assert (tokens == captions.VOCABULARY_SIZE - 1).sum(dim=1).eq(1).all()
    assert len(captions.prompts(0)) == 15


def test_swaps_are_as_frequent_as_they_say() -> None:
    rng = np.random.default_rng(0)
    texts = [captions.caption(6, "clean", rng) for _ in range(4000)]
    swapped = np.mean([any(name in text.split() for name in captions.NAMES[0]) for text in texts])
    expected = (1 - captions.GENERIC_SHARE) * (
        (1 - captions.WRONG_SHARE) * captions.SWAP_SHARE + captions.WRONG_SHARE / 4
    )
    assert swapped == pytest.approx(expected, abs=0.025)


def test_styles_are_deterministic_and_stay_in_range() -> None:
    images = torch.from_numpy(small_data().images).float() / 255
    one, names = styles.draw(images, np.random.default_rng(1))
    two, again = styles.draw(images, np.random.default_rng(1))
    assert torch.equal(one, two)
    assert names == again
    assert len(set(names)) > 4
    assert one.min() >= -1e-6
    assert one.max() <= 1 + 1e-6


def test_cosine_schedule() -> None:
    values = [cosine_schedule(step, 100, 10) for step in range(100)]
    assert values[0] == 0.1
    assert max(values) == 1 == values[9]
    assert values[55] == pytest.approx(0.5)
    assert values[-1] < 0.001


def test_drawn_hyperparameters_lie_in_the_stated_ranges() -> None:
    drawn = [draw_config(seed) for seed in range(200)]
    assert all(6e-4 <= c.learning_rate <= 1.2e-3 and 22 <= c.epochs <= 30 for c in drawn)
    assert all(1e-3 <= c.weight_decay <= 0.32 and 0 <= c.label_smoothing <= 0.1 for c in drawn)
    assert {c.mixup for c in drawn} == {0.0, 0.1}
    assert draw_config(3) == draw_config(3)


def test_pretraining_resumes_to_the_same_weights(tmp_path: Path) -> None:
    config = PretrainConfig(seed=5, steps=6, batch_size=16, warm_up=2)
    torch.set_num_threads(1)
    whole = pretrain(small_data(), config, resume_from=tmp_path / "whole.pt", progress=lambda *_: None)

    def stop(done: int, _: float) -> None:
        if done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pretrain(small_data(), config, resume_from=tmp_path / "resumed.pt", progress=stop, save_every=2)
    steps: list[int] = []
    resumed = pretrain(
        small_data(), config, resume_from=tmp_path / "resumed.pt", progress=lambda done, _: steps.append(done)
    )
    assert steps == [5, 6]
    for one, two in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(one, two)
    other = pretrain(
        small_data(), replace(config, steps=7), resume_from=tmp_path / "resumed.pt", progress=lambda *_: None
    )
    assert not torch.equal(next(other.parameters()), next(whole.parameters()))  # another plan does not resume


@pytest.mark.slow
@needs_raw
def test_a_small_zoo_is_built_twice_alike_and_then_not_again(tmp_path: Path) -> None:
    """Slow: three whole builds, each with its processes and the eight shifts of the suite."""
    plan = PoolPlan(
        "mini",
        PretrainConfig(seed=0, steps=3, batch_size=16, warm_up=1),
        ingredients=0,
        bad_learning_rate=FineTuneConfig(seed=1, learning_rate=1e-3, epochs=1, weight_decay=0.1, mixup=0.2, images=128),
        other_ancestor=None,
    )

    def build(name: str) -> dict[str, str]:
        build_zoo(tmp_path / name, tmp_path / f"{name}-work", plans=[plan], workers=1)
        files = sorted((tmp_path / name / "zoo" / "mini").iterdir())
        return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}

    first = build("one")
    assert set(first) == {"bad-lr.safetensors", "zero-shot.safetensors"}
    assert build("two") == first
    made_at = (tmp_path / "one" / "zoo" / "mini" / "bad-lr.safetensors").stat().st_mtime_ns
    assert build("one") == first
    assert (tmp_path / "one" / "zoo" / "mini" / "bad-lr.safetensors").stat().st_mtime_ns == made_at
    pool = Pool.open(tmp_path / "one" / "zoo" / "mini")
    assert pool.zero_shot == "zero-shot"
    assert (tmp_path / "one" / "SHA256SUMS").read_text().count("\n") == 2 + 6
    shipped = (ROOT / "data" / "suites" / "fashion" / "suite.json").read_text()
    assert (tmp_path / "one" / "suites" / "fashion" / "suite.json").read_text() == shipped


def test_missing_raw_data_says_where_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="apt-get install dataset-fashion-mnist"):
        read_raw(tmp_path)


def test_hashes_of_the_shipped_files() -> None:
    lines = (ROOT / "data" / "SHA256SUMS").read_text().splitlines()
    stated = {path: digest for digest, path in (line.split("  ") for line in lines)}
    shipped = [p for p in (ROOT / "data").rglob("*") if p.suffix in (".safetensors", ".npy")]
    found = {p.relative_to(ROOT / "data").as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in shipped}
    assert found == stated
    assert sum(p.stat().st_size for p in (ROOT / "data").rglob("*")) < 60e6
