from __future__ import annotations

import copy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from sali_core.config import MemoryConfig
from sali_core.engine import create_engine
from sali_core.engine.openvino import OpenVinoNetwork
from sali_core.errors import EngineError
from sali_core.model.network import SaliNetwork
from sali_core.stream.segmenter import StreamNetwork, StreamSegmenter
from sali_core.weights.store import WeightsHeader, save_weights


def _segmenter(network: StreamNetwork) -> StreamSegmenter:
    return StreamSegmenter(
        network,
        memory=MemoryConfig(capacity_frames=3, write_every_frames=1),
        threshold=0.5,
    )


def test_openvino_gives_the_logits_of_torch_over_a_stream(network: SaliNetwork) -> None:
    pytest.importorskip("openvino", reason="OpenVINO is not installed")
    eager, compiled = _segmenter(network), _segmenter(OpenVinoNetwork(network))
    states = eager.initial_state(), compiled.initial_state()
    rng = np.random.default_rng(0)
    for _ in range(6):
        frame = rng.integers(0, 256, (128, 128, 3), dtype=np.uint8)
        expected = eager.step(states[0], frame).logits
        np.testing.assert_allclose(compiled.step(states[1], frame).logits, expected, atol=1e-3)


def test_a_result_is_not_overwritten_by_the_next_frame(network: SaliNetwork) -> None:
    pytest.importorskip("openvino", reason="OpenVINO is not installed")
    compiled = OpenVinoNetwork(network)
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
    (graph,) = tmp_path.glob("*/front.xml")
    graph.write_text("<damaged")
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    for cache in (tmp_path, blocked):
        again = OpenVinoNetwork(network, cache)(frame, None, None).features
        for a, b in zip(first, again, strict=True):
            torch.testing.assert_close(a, b, atol=1e-3, rtol=1e-3)


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
    assert info.reason == "OpenVINO cannot convert 'front': no rule for aten::thing"
    with pytest.raises(EngineError, match="cannot convert 'front'"):
        create_engine(path, "cpu", engine="openvino")
