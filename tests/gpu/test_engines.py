"""What only a GPU can show. `make test-gpu`; needs torch, torchvision, timm, scipy, safetensors."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

from sali_core.bench.frames import BenchFrames
from sali_core.bench.networks import save_random_weights
from sali_core.config import MemoryConfig, ModelConfig, get_profile
from sali_core.engine import Engine, create_engine
from sali_core.engine.batched import BUCKETS, BatchSegmenter
from sali_core.engine.cuda_graphs import GraphCapture
from sali_core.engine.dense_parts import split_batched
from sali_core.engine.precision import allow_tf32
from sali_core.model.ragged import (
    PADDING_SCORE,
    RaggedTokens,
    read_all,
    select_best,
    select_best_fused,
)
from sali_core.model.readout import extend_queries
from sali_core.stream.masking import MaskRule
from sali_core.types import StepResult
from sali_core.weights.store import load_network

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU"),
    # Compilers warn of what they might do better.
    pytest.mark.filterwarnings("default"),
]

GPU = "cuda:0"
MEMORY = MemoryConfig(capacity_frames=4, write_every_frames=2)
# float32 on both sides, sums in another order: a pixel at the threshold may enter memory or not.
CLOSE = 1e-2
# `released` reads a query's best 20 tokens: rounding swaps the 20th and the 21st (ADR 0006).
CLOSE_RELEASED = 1e-1
Frame = npt.NDArray[np.uint8]


@pytest.fixture(scope="module", params=["small", "paper", "released"])
def weights(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    profile: str = request.param
    # PVTv2-B0 in place of B5: the same code, started in seconds.
    backbone = {} if profile == "small" else {"backbone": "pvt_v2_b0"}
    config = ModelConfig.from_dict(get_profile(profile).to_dict() | backbone)
    return save_random_weights(tmp_path_factory.mktemp("weights"), profile, config)


@pytest.fixture(scope="module")
def frames() -> BenchFrames:
    return BenchFrames(352)


@pytest.fixture(autouse=True)
def _free_memory() -> Iterator[None]:
    yield
    gc.collect()
    torch.cuda.empty_cache()


def _run(engine: Engine, frames: BenchFrames, streams: int, steps: int) -> list[list[StepResult]]:
    states = [engine.initial_state() for _ in range(streams)]
    return [engine.step_many(states, frames.batch(streams, k)) for k in range(steps)]


def _close(weights: Path) -> float:
    return CLOSE_RELEASED if "released" in weights.name else CLOSE


def _check(
    results: list[list[StepResult]], expected: list[list[StepResult]], tolerance: float
) -> None:
    for step, others in zip(results, expected, strict=True):
        for one, other in zip(step, others, strict=True):
            difference = np.abs(one.logits - other.logits)
            assert difference.max() <= tolerance
            assert np.median(difference) <= tolerance / 10
            assert (one.mask != other.mask).mean() < 1e-2


def test_the_batched_step_computes_what_the_cpu_computes(
    weights: Path, frames: BenchFrames
) -> None:
    plain = create_engine(weights, "cpu", engine="eager", memory=MEMORY)
    eager = create_engine(weights, GPU, engine="eager", memory=MEMORY)
    expected = _run(plain, frames, 2, 10)
    _check(_run(eager, frames, 2, 10), expected, _close(weights))


def test_recorded_steps_compute_what_eager_float32_computes(
    weights: Path, frames: BenchFrames
) -> None:
    eager = create_engine(weights, GPU, engine="eager", memory=MEMORY)
    engine = create_engine(weights, GPU, engine="cuda-graphs", memory=MEMORY)
    expected = _run(eager, frames, 2, 10)
    _check(_run(engine, frames, 2, 10), expected, _close(weights))
    assert engine.info.reason == "asked for", "a bucket was not recorded"


def test_auto_records_its_steps(weights: Path) -> None:
    info = create_engine(weights, GPU).info
    assert (info.engine, info.precision) == ("cuda-graphs", "float32"), info.reason


def test_every_bucket_is_recorded(weights: Path, frames: BenchFrames) -> None:
    engine = create_engine(weights, GPU, engine="cuda-graphs", memory=MEMORY)
    for batch in (*BUCKETS, 3):
        results = _run(engine, frames, batch, 2)[-1]
        assert len(results) == batch
        assert all(np.isfinite(result.logits).all() for result in results)
    assert engine.info.reason == "asked for"


def test_streams_of_any_age_together_equal_each_alone(weights: Path, frames: BenchFrames) -> None:
    engine = create_engine(weights, GPU, engine="cuda-graphs", memory=MEMORY)
    alone = [_run(engine, frames, 1, 8), _run(engine, frames, 1, 6)]
    first, second = engine.initial_state(), engine.initial_state()
    together: list[list[list[StepResult]]] = [[], []]
    for number in range(8):
        pictures = [frames.frame(0, number), frames.frame(0, number - 2)]
        there = [first, second] if number >= 2 else [first]
        for video, result in zip(
            together, engine.step_many(there, pictures[: len(there)]), strict=False
        ):
            video.append([result])
    for video, expected in zip(together, alone, strict=True):
        _check(video, expected, _close(weights))


@pytest.mark.parametrize("name", ["eager", "cuda-graphs"])
def test_a_step_waits_for_nothing_but_its_results(
    name: str, weights: Path, frames: BenchFrames
) -> None:
    """Of torch's calls that wait, none may be made; the engine waits once, for its stream."""
    engine = create_engine(weights, GPU, engine=name, memory=MEMORY)
    states = [engine.initial_state() for _ in range(3)]
    for number in range(10):
        engine.step_many(states, frames.batch(3, number))
    torch.cuda.set_sync_debug_mode("error")
    try:
        for number in range(10, 16):
            engine.step_many(states, frames.batch(3, number))
    finally:
        torch.cuda.set_sync_debug_mode("default")


@pytest.mark.parametrize("name", ["eager", "cuda-graphs"])
def test_device_memory_is_the_same_after_hundreds_of_steps(
    name: str, weights: Path, frames: BenchFrames
) -> None:
    engine = create_engine(weights, GPU, engine=name, memory=MEMORY)
    states = [engine.initial_state() for _ in range(2)]

    def step(numbers: range) -> int:
        for number in numbers:
            engine.step_many(states, frames.batch(2, number))
        return torch.cuda.memory_allocated()

    before = step(range(30))
    assert step(range(30, 330)) == before


def _raise() -> None:
    raise RuntimeError("this cannot be recorded")


def _wait() -> None:
    torch.cuda.current_stream().synchronize()


@pytest.mark.parametrize("spoils", [_raise, _wait])
def test_a_recording_that_fails_leaves_an_engine_that_runs(
    spoils: Callable[[], None], weights: Path, frames: BenchFrames
) -> None:
    """A wait breaks the recording itself: torch's own end of it raises then."""
    network, header = load_network(weights)
    capture = GraphCapture(torch.device(GPU))

    def spoil(function: Callable[[], None]) -> Callable[[], None]:
        def fails() -> None:
            function()
            if torch.cuda.is_current_stream_capturing():
                spoils()

        return capture(fails)

    segmenter = BatchSegmenter(
        network.config, split_batched(network.to(GPU)), memory=MEMORY,
        rule=MaskRule(header.threshold), device=torch.device(GPU), slots=2, capture=spoil,
    )  # fmt: skip
    state = segmenter.initial_state()
    results = [[segmenter.step(state, frames.frame(0, number))] for number in range(6)]
    assert torch.cuda.current_stream() == torch.cuda.default_stream()
    (failure,) = segmenter.failures
    assert failure.startswith("a batch of 1 could not be recorded: ")
    assert ("this cannot be recorded" in failure) == (spoils is _raise)
    eager = create_engine(weights, GPU, engine="eager", memory=MEMORY)
    _check(results, _run(eager, frames, 1, 6), _close(weights))
    for number in range(6, 106):
        assert np.isfinite(segmenter.step(state, frames.frame(0, number)).logits).all()


@pytest.mark.parametrize("precision", ["tf32", "bfloat16", "float16"])
def test_a_lower_precision_runs_and_says_so(
    precision: str, weights: Path, frames: BenchFrames
) -> None:
    """How far results move is measured (`make bench-gpu`), not promised: float32 is the default."""
    engine = create_engine(weights, GPU, precision=precision, memory=MEMORY)
    assert engine.info.precision == precision
    results = _run(engine, frames, 2, 10)
    assert all(np.isfinite(r.logits).all() for step in results for r in step)
    again = _run(engine, frames, 2, 10)
    _check(results, again, _close(weights))


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_a_precision_stays_within_its_bounds_over_300_frames_or_is_told_not_to(
    precision: str, weights: Path, frames: BenchFrames
) -> None:
    """Logits within 2e-2 and Dice >= 0.999; a precision that does not is reported as such."""
    exact = create_engine(weights, GPU)
    lower = create_engine(weights, GPU, precision=precision)
    one, other = exact.initial_state(), lower.initial_state()
    difference, both, either = 0.0, 0, 0
    for number in range(300):
        a = exact.step(one, frames.frame(0, number))
        b = lower.step(other, frames.frame(0, number))
        assert np.isfinite(a.logits).all()
        assert np.isfinite(b.logits).all()
        difference = max(difference, float(np.abs(a.logits - b.logits).max()))
        both += int((a.mask & b.mask).sum())
        either += int(a.mask.sum() + b.mask.sum())
    dice = 2 * both / max(either, 1)
    if difference > 2e-2 or dice < 0.999:
        pytest.xfail(f"{precision}: logits within {difference:.2e}, Dice {dice:.5f}; not a default")


def test_the_read_of_many_banks_takes_the_fused_kernel() -> None:
    """Written out, the affinity of 64 full banks would take 33 GB."""
    g = torch.Generator(GPU).manual_seed(1)

    def normal(*size: int) -> torch.Tensor:
        return torch.randn(*size, generator=g, device=GPU)

    tokens = RaggedTokens(normal(2, 4256, 9), normal(2, 4256, 16), normal(2, 4256, 35).abs())
    query = normal(2, 8, 44, 44)
    with allow_tf32(False), sdpa_kernel([SDPBackend.EFFICIENT_ATTENTION]):
        readout, received = read_all(tokens, query)
    exact = read_all(RaggedTokens(*(x.double().cpu() for x in tokens)), query.double().cpu())
    torch.testing.assert_close(readout.double().cpu(), exact[0], atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(received.double().cpu(), exact[1], atol=1e-4, rtol=1e-4)


FULL_BANK = 67_808  # about: 35 frames of 44 x 44 cells, padded


def _random_tokens(batch: int, width: int, device: str) -> tuple[RaggedTokens, torch.Tensor]:
    """Tokens and the queries that read them, [batch, 8, 44, 44]."""
    g = torch.Generator(device).manual_seed(3)

    def normal(*size: int) -> torch.Tensor:
        return torch.randn(*size, generator=g, device=device)

    keys, values = normal(batch, width, 9), normal(batch, width, 16)
    return RaggedTokens(keys, values, normal(batch, width, 35).abs()), normal(batch, 8, 44, 44)


def _read_written_out(
    tokens: RaggedTokens, query: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """What `read_all` must give, in float64, 64 queries at a time."""
    keys, values, shares = (x.double() for x in tokens)
    reads, received = [], []
    for queries in extend_queries(query.double()).split(64, dim=1):
        weights = torch.softmax(queries @ keys.transpose(1, 2), dim=-1)
        reads.append(weights @ values)
        received.append(weights @ shares)
    return torch.cat(reads, 1), torch.cat(received, 1).mean(1)


def test_a_full_bank_is_read_right_beyond_65536_tokens() -> None:
    """Fused attention has been wrong there before, without an error."""
    tokens, query = _random_tokens(2, FULL_BANK, GPU)
    tokens.keys[1, -40_000:] = 0.0
    tokens.keys[1, -40_000:, -1] = PADDING_SCORE
    with allow_tf32(False):
        readout, received = read_all(tokens, query)
    exact = _read_written_out(tokens, query)
    torch.testing.assert_close(readout.double(), exact[0], atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(received.double(), exact[1], atol=1e-4, rtol=1e-4)


def test_64_full_banks_are_read_without_writing_their_scores_out() -> None:
    tokens, query = _random_tokens(64, FULL_BANK, GPU)
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    with allow_tf32(False):
        readout, _ = read_all(tokens, query)
    assert np.isfinite(readout.sum().item())
    assert torch.cuda.max_memory_allocated() - before < 10 * 1e9


def test_the_fused_selection_finds_the_best_tokens() -> None:
    g = torch.Generator(GPU).manual_seed(2)
    queries = torch.randn(2, 500, 5, generator=g, device=GPU)
    keys = torch.randn(2, 16960, 5, generator=g, device=GPU)
    compiled: Any = torch.compile(select_best_fused, dynamic=False)
    with allow_tf32(False):
        scores, places = compiled(queries, keys, 20)
        expected = select_best(queries, keys, 20)[0]
    torch.testing.assert_close(scores, expected, atol=1e-4, rtol=1e-4)
    near = keys.gather(1, places.flatten(1)[..., None].expand(-1, -1, 5)).view(2, 500, 20, 5)
    torch.testing.assert_close((near * queries[:, :, None]).sum(-1), scores, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("name", ["compiled", "compiled-graphs"])
def test_compiled_steps_compute_what_eager_float32_computes(
    name: str, weights: Path, frames: BenchFrames
) -> None:
    """One stream: every batch size compiles for a minute or so."""
    if "paper" in weights.name:
        pytest.skip("the parts of `small` with the backbone of `released`")
    eager = create_engine(weights, GPU, engine="eager", memory=MEMORY)
    engine = create_engine(weights, GPU, engine=name, memory=MEMORY)
    assert engine.info.engine == name
    _check(_run(engine, frames, 1, 10), _run(eager, frames, 1, 10), _close(weights))
    assert engine.info.reason == "asked for", "a bucket was not recorded"
