"""What the shipped weights are good for: the demo's scene, misses counted."""

from __future__ import annotations

import numpy as np

from sali_core.data.phantom import Phantom, PhantomConfig
from sali_core.engine import create_engine
from sali_core.evaluation.metrics import iou
from sali_core.weights.registry import SHIPPED, shipped_names
from sali_core.weights.store import read_header


def test_the_demo_scenes_polyps_are_found() -> None:
    """Mean IoU over frames that show a polyp; a frame without a mask counts as 0."""
    engine = create_engine("small-demo", "cpu")
    size = engine.info.input_size[0]
    scene = Phantom(PhantomConfig(width=size, height=size, seconds=40.0, seed=7))
    state = engine.initial_state()
    overlaps = []
    for number in range(0, len(scene), 4):
        frame = scene.render(number)
        mask = engine.step(state, frame.image).mask
        # A polyp of less than a thousandth of the picture is too far away to ask for.
        if frame.mask.mean() > 0.001:
            overlaps.append(iou(mask, frame.mask))
    assert len(overlaps) > 100
    assert np.mean(overlaps) >= 0.5


def test_every_shipped_file_has_a_card_that_says_what_it_is_not() -> None:
    assert shipped_names() == ["small-demo"]
    for name in shipped_names():
        header = read_header(SHIPPED / f"{name}.safetensors")
        card = (SHIPPED / f"{name}.md").read_text()
        assert header.name == name
        assert f"{header.threshold} on the probability" in card
        assert "Not a medical device" in card
        assert (SHIPPED / f"{name}.safetensors").stat().st_size <= 16 * 1024 * 1024
