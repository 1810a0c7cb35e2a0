from __future__ import annotations

import copy
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from sali_core.config import ABLATIONS, ModelConfig
from sali_core.model.build import Network, create_network
from sali_core.model.network import SaliNetwork
from sali_core.model.readout import MemoryTokens, dense_tokens
from sali_core.types import StepOutput

RELEASED = ModelConfig(topology="released", key_channels=4, backbone="pvt_v2_b0", input_size=256)


@pytest.fixture(scope="module")
def released() -> Network:
    torch.manual_seed(0)
    return create_network(RELEASED).eval()


@pytest.fixture(params=["paper", "released"])
def either(request: pytest.FixtureRequest, network: SaliNetwork, released: Network) -> Network:
    return network if request.param == "paper" else released


def _rgb(batch: int, height: int, width: int | None = None, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    shape = (batch, 3, height, width or height)
    return torch.randint(0, 256, shape, generator=generator, dtype=torch.uint8)


def _tokens(output: StepOutput) -> tuple[MemoryTokens, ...]:
    """The memory that one frame leaves, every cell of it a token."""
    assert output.memory is not None
    return tuple(
        dense_tokens(k[:, None], v[:, None], None)
        for k, v in zip(output.memory.keys, output.memory.values, strict=True)
    )


@torch.inference_mode()
def _two_steps(network: Network, first: Tensor, second: Tensor) -> tuple[StepOutput, StepOutput]:
    one = network(first, None, None)
    return one, network(second, one.features, _tokens(one))


@pytest.mark.parametrize("size", [(97, 97), (125, 158), (352, 288)])
def test_odd_and_oblong_sizes_give_logits_of_the_input_size(
    network: SaliNetwork, size: tuple[int, int]
) -> None:
    first, second = _two_steps(network, _rgb(1, *size), _rgb(1, *size, seed=1))
    assert first.logits.shape == second.logits.shape == (1, 1, *size)
    for features, stride in zip(second.features, (8, 16, 32), strict=True):
        assert features.shape[2:] == tuple(-(-side // stride) for side in size)
    assert torch.isfinite(second.logits).all()


def test_odd_sizes_suit_the_released_network(released: Network) -> None:
    _, second = _two_steps(released, _rgb(1, 275, 301), _rgb(1, 275, 301, seed=1))
    assert second.logits.shape == (1, 1, 275, 301)
    assert torch.isfinite(second.logits).all()


def test_a_batch_equals_its_frames_alone(either: Network) -> None:
    size = either.config.input_size
    first, second = _rgb(3, size), _rgb(3, size, seed=1)
    together = _two_steps(either, first, second)[1].logits
    for k in range(3):
        alone = _two_steps(either, first[k : k + 1], second[k : k + 1])[1].logits
        torch.testing.assert_close(together[k : k + 1], alone, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_stays_close_to_float32(network: SaliNetwork, dtype: torch.dtype) -> None:
    half = copy.deepcopy(network).to(dtype)
    first, second = _rgb(1, 128), _rgb(1, 128, seed=1)
    exact = _two_steps(network, first, second)[1].logits
    rough = _two_steps(half, first, second)[1].logits
    assert rough.dtype == dtype
    # Logits of this random network span several units; bfloat16 has 8 bits.
    spread = float(exact.max() - exact.min())
    assert float((rough.float() - exact).abs().mean()) < 0.05 * spread


def test_autocast_runs_where_alignment_must_stay_float32(either: Network) -> None:
    size = either.config.input_size
    with torch.autocast("cpu", torch.bfloat16):
        output = _two_steps(either, _rgb(1, size), _rgb(1, size, seed=1))[1]
    assert torch.isfinite(output.logits.float()).all()


@pytest.mark.parametrize("ablation", ABLATIONS)
def test_every_ablation_computes_and_learns(small_config: ModelConfig, ablation: str) -> None:
    config = ModelConfig.from_dict(small_config.to_dict() | {"ablation": ablation})
    torch.manual_seed(0)
    network = create_network(config)
    one = network(_rgb(2, 128), None, None)
    tokens = _tokens(one) if config.uses_lim else None
    two = network(_rgb(2, 128, seed=1), one.features, tokens)
    assert (two.memory is None) == (not config.uses_lim)
    two.logits.mean().backward()
    # S_g's and the coarser scores are read through S_3: every weight of the network has a part.
    assert [name for name, p in network.named_parameters() if p.grad is None] == []


def test_what_an_ablation_leaves_out_has_no_weights(small_config: ModelConfig) -> None:
    def names(ablation: str) -> set[str]:
        config = ModelConfig.from_dict(small_config.to_dict() | {"ablation": ablation})
        return set(create_network(config).state_dict())

    full = names("full")
    assert {n.split(".")[1] for n in full - names("without_sam")} == {"sam"}
    assert {n.split(".")[1] for n in full - names("without_lim")} == {"key", "value"}
    assert not any(n.startswith("relation") for n in names("without_sam_lim"))
    assert {n.split(".")[3] for n in full - names("without_fa")} == {
        "offset",
        "deform_weight",
        "deform_bias",
    }
    assert names("without_ma") == full


def test_without_sam_and_lim_the_predecessor_and_the_memory_do_not_matter(
    small_config: ModelConfig,
) -> None:
    config = ModelConfig.from_dict(small_config.to_dict() | {"ablation": "without_sam_lim"})
    network = create_network(config).eval()
    rgb = _rgb(1, 128)
    with torch.inference_mode():
        alone = network(rgb, None, None)
        after = network(rgb, network(_rgb(1, 128, seed=3), None, None).features, None)
    assert torch.equal(alone.logits, after.logits)


def test_frames_one_by_one_equal_the_clip_at_once(network: SaliNetwork) -> None:
    """The dense parts over a whole clip as one batch; only the memory is sequential."""
    clip = _rgb(5, 128)
    with torch.inference_mode():
        outputs, tokens = [], None
        previous = None
        for frame in clip:
            outputs.append(network(frame[None], previous, tokens))
            previous, tokens = outputs[-1].features, _tokens(outputs[-1])
        pyramid = network.encode(clip)
        shifted = tuple(torch.cat((x[:1], x[:-1])) for x in pyramid)
        query = network.relate(pyramid, shifted)  # type: ignore[arg-type]
    for t, output in enumerate(outputs):
        assert output.memory is not None
        for scale in range(3):
            torch.testing.assert_close(
                output.memory.keys[scale][0], query.keys[scale][t], atol=1e-4, rtol=1e-4
            )
            torch.testing.assert_close(
                output.memory.values[scale][0], query.values[scale][t], atol=1e-4, rtol=1e-4
            )
    assert any(not torch.equal(a.logits, b.logits) for a, b in pairwise(outputs))


class TestGraphs:
    """The step function is one graph: no data-dependent control flow."""

    def test_compiles_whole(self, either: Network) -> None:
        size = either.config.input_size
        one, expected = _two_steps(either, _rgb(1, size), _rgb(1, size, seed=1))
        # The graph is captured and lowered as for any backend; generating code would take minutes.
        step = torch.compile(either, fullgraph=True, backend="aot_eager")
        with torch.inference_mode():
            compiled = step(_rgb(1, size, seed=1), one.features, _tokens(one))
        torch.testing.assert_close(compiled.logits, expected.logits, atol=1e-3, rtol=1e-3)

    def test_exports_with_any_number_of_tokens(self, either: Network) -> None:
        size = either.config.input_size
        one = _two_steps(either, _rgb(1, size), _rgb(1, size))[0]
        rgb = _rgb(1, size, seed=1)
        counts = [torch.export.Dim(f"n{k}", min=20, max=35 * 1936) for k in range(3)]
        spec = tuple(MemoryTokens({1: n}, {1: n}) for n in counts)  # type: ignore[arg-type]
        # Distinct tensors: the exporter would merge inputs that alias each other.
        previous = tuple(x.clone() for x in one.features)
        exported = torch.export.export(
            either, (rgb, previous, _repeat(one, 2)), dynamic_shapes=(None, (None,) * 3, spec)
        ).module()
        with torch.inference_mode():
            for times in (2, 5):
                again = exported(rgb, one.features, _repeat(one, times))
                eager = either(rgb, one.features, _repeat(one, times))  # type: ignore[arg-type]
                torch.testing.assert_close(again.logits, eager.logits, atol=1e-4, rtol=1e-4)


def _repeat(output: StepOutput, times: int) -> tuple[MemoryTokens, ...]:
    return tuple(MemoryTokens(*(x.repeat(1, times, 1) for x in t[:2])) for t in _tokens(output))
