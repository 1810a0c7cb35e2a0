from __future__ import annotations

import copy
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch

from sali_core.config import MemoryConfig, ModelConfig
from sali_core.data.phantom import Phantom, PhantomConfig
from sali_core.engine import create_engine
from sali_core.engine.openvino import OpenVinoNetwork
from sali_core.engine.openvino_graphs import KEPT_NETWORKS, forget_old_graphs
from sali_core.errors import EngineError
from sali_core.model.build import create_network
from sali_core.model.network import SaliNetwork
from sali_core.model.released.pyramid_alignment import ModulatedDeformConv
from sali_core.stream.segmenter import StreamNetwork, StreamSegmenter
from sali_core.weights.store import WeightsHeader, save_weights


def _segmenter(network: StreamNetwork) -> StreamSegmenter:
    return StreamSegmenter(
        network,
        memory=MemoryConfig(capacity_frames=3, write_every_frames=1),
        threshold=0.5,
    )


def test_openvino_gives_the_logits_of_torch_over_a_stream(
    network: SaliNetwork, cache: Path
) -> None:
    pytest.importorskip("openvino", reason="OpenVINO is not installed")
    eager, compiled = _segmenter(network), _segmenter(OpenVinoNetwork(network, cache))
    states = eager.initial_state(), compiled.initial_state()
    rng = np.random.default_rng(0)
    for _ in range(6):
        frame = rng.integers(0, 256, (128, 128, 3), dtype=np.uint8)
        expected = eager.step(states[0], frame).logits
        np.testing.assert_allclose(compiled.step(states[1], frame).logits, expected, atol=1e-3)


def test_a_network_without_a_memory_runs_too(small_config: ModelConfig) -> None:
    pytest.importorskip("openvino", reason="OpenVINO is not installed")
    torch.manual_seed(2)
    config = ModelConfig.from_dict(small_config.to_dict() | {"ablation": "without_lim"})
    network = create_network(config).eval()
    eager, compiled = _segmenter(network), _segmenter(OpenVinoNetwork(network))
    states = eager.initial_state(), compiled.initial_state()
    for frame in _phantom(128, 3):
        expected = eager.step(states[0], frame).logits
        np.testing.assert_allclose(compiled.step(states[1], frame).logits, expected, atol=1e-3)


def test_the_released_network_differs_from_torch_by_exchanged_tokens_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Rounding may swap a query's 20th and 21st token; without that, logits are equal."""
    pytest.importorskip("openvino", reason="OpenVINO is not installed")
    torch.manual_seed(3)
    config = ModelConfig(
        topology="released", key_channels=4, backbone="mobilenetv2_100", input_size=256
    )
    network = create_network(config).eval()
    for module in network.alignment.modules():
        if isinstance(module, ModulatedDeformConv):
            torch.nn.init.normal_(module.conv_offset.weight, std=0.05)
    compiled_network = OpenVinoNetwork(network)
    frames = _phantom(256, 6)
    top_20 = _differences(network, compiled_network, frames)
    assert np.quantile(top_20, 0.99) < 1e-3
    assert top_20.max() < 0.05
    monkeypatch.setattr(ModelConfig, "top_tokens", property(lambda _: 10**6))
    assert _differences(network, compiled_network, frames).max() < 1e-4


def _phantom(size: int, count: int) -> list[npt.NDArray[np.uint8]]:
    phantom = Phantom(PhantomConfig(width=size, height=size, seconds=4.0, seed=7))
    return [phantom.render(4 * number).image for number in range(count)]


def _differences(
    one: StreamNetwork, other: StreamNetwork, frames: list[npt.NDArray[np.uint8]]
) -> npt.NDArray[np.float32]:
    """|difference of logits| of every pixel of a stream."""
    segmenters = _segmenter(one), _segmenter(other)
    states = [segmenter.initial_state() for segmenter in segmenters]
    pairs = [
        [
            segmenter.step(state, frame).logits
            for segmenter, state in zip(segmenters, states, strict=True)
        ]
        for frame in frames
    ]
    return np.array([np.abs(a - b) for a, b in pairs])


def test_bfloat16_is_asked_for_and_stays_in_the_encoder(network: SaliNetwork, cache: Path) -> None:
    openvino = pytest.importorskip("openvino", reason="OpenVINO is not installed")
    if "BF16" not in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        pytest.skip("this processor does not compute in bfloat16")
    rgb = torch.randint(0, 255, (1, 3, 128, 128), dtype=torch.uint8)
    exact = OpenVinoNetwork(network, cache)(rgb, None, None)
    rough = OpenVinoNetwork(network, cache, precision="bfloat16")(rgb, None, None)
    scale = float(exact.features[0].abs().max())
    assert 0 < float((rough.features[0] - exact.features[0]).abs().max()) < 0.1 * scale
    with torch.no_grad():
        query = network.relate(rough.features, rough.features)
    assert rough.memory is not None
    for a, b in zip(rough.memory.keys, query.keys, strict=True):
        torch.testing.assert_close(a, b, atol=1e-4, rtol=1e-4)


def test_a_result_is_not_overwritten_by_the_next_frame(network: SaliNetwork, cache: Path) -> None:
    pytest.importorskip("openvino", reason="OpenVINO is not installed")
    compiled = OpenVinoNetwork(network, cache)
    first = compiled(torch.zeros(1, 3, 128, 128, dtype=torch.uint8), None, None).features
    kept = [x.clone() for x in first]
    compiled(torch.full((1, 3, 128, 128), 255, dtype=torch.uint8), None, None)
    assert all(torch.equal(a, b) for a, b in zip(first, kept, strict=True))


def test_a_second_start_takes_the_graphs_of_the_first(
    network: SaliNetwork, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("openvino", reason="OpenVINO is not installed")
    frame = torch.randint(0, 255, (1, 3, 128, 128), dtype=torch.uint8)
    first = OpenVinoNetwork(network, tmp_path)(frame, None, None).features

    def forbidden(*_: object) -> None:
        raise AssertionError("exported again")

    monkeypatch.setattr(torch.export, "export", forbidden)
    second = OpenVinoNetwork(network, tmp_path)(frame, None, None).features
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    other = copy.deepcopy(network)
    with torch.no_grad():
        other.decoder.partial.conv5.bias.add_(1)
    with pytest.raises(AssertionError, match="exported again"):
        OpenVinoNetwork(other, tmp_path)


def test_a_damaged_graph_is_made_again_and_a_cache_that_cannot_be_written_is_no_failure(
    network: SaliNetwork, tmp_path: Path
) -> None:
    pytest.importorskip("openvino", reason="OpenVINO is not installed")
    frame = torch.randint(0, 255, (1, 3, 128, 128), dtype=torch.uint8)
    first = OpenVinoNetwork(network, tmp_path)(frame, None, None).features
    (graph,) = tmp_path.glob("*/encode.xml")
    graph.write_text("<damaged")
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    for cache in (tmp_path, blocked):
        again = OpenVinoNetwork(network, cache)(frame, None, None).features
        for a, b in zip(first, again, strict=True):
            torch.testing.assert_close(a, b, atol=1e-3, rtol=1e-3)


def test_only_the_graphs_used_last_are_kept(tmp_path: Path) -> None:
    folders = [tmp_path / f"{number:032x}" for number in range(KEPT_NETWORKS + 2)]
    for age, folder in enumerate(folders):
        folder.mkdir()
        (folder / "encode.bin").write_bytes(b"x")
        os.utime(folder, (1e9 - age, 1e9 - age))
    mine = tmp_path / "not ours"
    mine.mkdir()
    os.utime(mine, (1, 1))
    forget_old_graphs(folders[-1])  # the oldest, used again
    assert sorted(tmp_path.iterdir()) == sorted([*folders[: KEPT_NETWORKS - 1], folders[-1], mine])


def test_openvino_telemetry_is_never_loaded() -> None:
    pytest.importorskip("openvino", reason="OpenVINO is not installed")
    code = (
        "import sys; from sali_core.engine.openvino_graphs import import_openvino;"
        "import_openvino();"
        "import openvino.tools.ovc;"
        "print(sorted(m for m in sys.modules if 'telemetry' in m and sys.modules[m]))"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True
    )
    assert "openvino.tools.ovc.telemetry_stub" in done.stdout
    assert "'openvino_telemetry" not in done.stdout


def test_a_network_openvino_cannot_convert_runs_in_torch(
    network: SaliNetwork, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    openvino = pytest.importorskip("openvino", reason="OpenVINO is not installed")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    path = tmp_path / "w.safetensors"
    save_weights(path, network, WeightsHeader("tiny", "small", 0.5, network.config))

    def refuse(_: object) -> None:
        raise RuntimeError("Check failed\n no rule for aten::thing")

    monkeypatch.setattr(openvino, "convert_model", refuse)
    info = create_engine(path, "cpu").info
    assert info.engine == "eager"
    assert info.reason == "OpenVINO cannot convert 'encode': no rule for aten::thing"
    with pytest.raises(EngineError, match="cannot convert 'encode'"):
        create_engine(path, "cpu", engine="openvino")


@pytest.mark.parametrize("place", ["export", "reshape", "compile"])
def test_a_failure_anywhere_on_the_way_to_a_graph_leaves_torch(
    network: SaliNetwork, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    openvino = pytest.importorskip("openvino", reason="OpenVINO is not installed")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    path = tmp_path / "w.safetensors"
    save_weights(path, network, WeightsHeader("tiny", "small", 0.5, network.config))

    class Graph:
        def reshape(self, _shapes: object) -> None:
            if place == "reshape":
                raise RuntimeError("no such shape")

    class Core:
        def compile_model(self, *_: object) -> None:
            raise RuntimeError("no kernel")

    def export(*_: object) -> object:
        if place == "export":
            raise RuntimeError("cannot trace")
        return object()

    monkeypatch.setattr(torch.export, "export", export)
    monkeypatch.setattr(openvino, "convert_model", lambda _: Graph())
    monkeypatch.setattr(openvino, "save_model", lambda *_, **__: (_ for _ in ()).throw(OSError))
    monkeypatch.setattr(openvino, "Core", Core)
    info = create_engine(path, "cpu").info
    assert info.engine == "eager"
    expected = {"export": "cannot trace", "reshape": "no such shape", "compile": "no kernel"}
    assert info.reason.endswith(expected[place])
