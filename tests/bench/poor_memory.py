"""What it is worth to keep poor frames out of memory (docs/view.md).

    python -m tests.bench.poor_memory [--stills 12] [--weights small-demo] [--json FILE]

Videos made from validation stills, each with stretches of bad quality, stepped twice: with every
due frame in memory, and without the poor ones. Scores are of the same frames, so differences
are paired. Nothing here is real video.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

from sali_core.data.pictures import spread
from sali_core.data.still_video import StillVideo, still_video
from sali_core.data.stills import StillFolder
from sali_core.engine import create_engine
from sali_core.engine.engine import Engine
from sali_core.evaluation.metrics import dice
from server.media.picture_quality import judge_quality
from tests.bench.view_rates import SHARED

_FRAMES = 120
_STRETCHES = 4


def score(engine: Engine, video: StillVideo, *, spares: bool) -> tuple[np.ndarray, int]:
    """Dice of every frame, and how many frames were kept out of memory."""
    state, scores, left_out = engine.initial_state(), [], 0
    for rgb, mask in zip(video.rgb, video.masks, strict=True):
        frame = rgb.permute(1, 2, 0).contiguous().numpy()
        is_poor = judge_quality(frame) is not None
        if spares and is_poor:
            engine.leave_out(state)
            left_out += 1
        scores.append(dice(engine.step(state, frame).mask, mask[0].numpy() > 0.5))
    return np.array(scores), left_out


def measure(data: Path, weights: str, stills: int) -> dict[str, Any]:
    engine = create_engine(weights, "cpu")
    size = engine.info.input_size[0]
    folder = StillFolder(data / "polyps", "val")
    every, spared, spoilt, left_out = [], [], [], 0
    for number, index in enumerate(spread(len(folder), stills)):
        video = still_video(folder.load(index), _FRAMES, number, size, _STRETCHES)
        every.append(score(engine, video, spares=False)[0])
        scores, count = score(engine, video, spares=True)
        spared.append(scores)
        left_out += count
        spoilt.append(video.is_spoilt.numpy())
        print(f"{number + 1}/{stills}", flush=True)
    one, other, bad = np.array(every), np.array(spared), np.array(spoilt)
    after = np.zeros_like(bad)
    for shift in range(1, 11):
        after[:, shift:] |= bad[:, :-shift]
    groups = {"all": np.ones_like(bad), "spoilt": bad, "the 10 after": after & ~bad,
              "others": ~bad & ~after}  # fmt: skip
    found: dict[str, Any] = {"videos": stills, "frames left out": left_out, "frames": bad.size}
    for name, chosen in groups.items():
        per_video = [
            float((b[c] - a[c]).mean())
            for a, b, c in zip(one, other, chosen, strict=True)
            if c.any()
        ]
        found[name] = {
            "frames": int(chosen.sum()),
            "dice, all remembered": round(float(one[chosen].mean()), 4),
            "dice, poor left out": round(float(other[chosen].mean()), 4),
            "difference": round(float(np.mean(per_video)), 4),
            "standard error": round(float(np.std(per_video) / max(1, len(per_video)) ** 0.5), 4),
        }
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=SHARED)
    parser.add_argument("--weights", default="small-demo")
    parser.add_argument("--stills", type=int, default=12)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    found = measure(arguments.data, arguments.weights, arguments.stills)
    for name, value in found.items():
        print(f"{name}: {value}")
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
