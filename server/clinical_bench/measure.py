"""Runs every part of `sali bench clinical`, one after the other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sali_core.data.phantom import PhantomConfig
from sali_core.data.stills import StillFolder
from sali_core.engine import create_engine
from server.bench.relay_delay import RelayResult, RelaySettings, measure_relay
from server.clinical_bench.delay import AnnotationDelay, measure_annotation
from server.clinical_bench.performance import (
    PicturePerformance,
    VideoPerformance,
    score_pictures,
    score_video,
)
from server.clinical_bench.pixels import PixelCheck, check_pixels
from server.finding_bench.recording import FPS, choose_scenes, read_scenes, record_scenes
from server.findings.persistence import PersistenceRule
from server.phantom_video import write_phantom_video

LIVE_SIZE = (640, 480)
LIVE_S = 8.0
"""The phantom video that the service plays, as its demo does: size and length."""

Progress = Callable[[str], None]


@dataclass(frozen=True)
class ClinicalSettings:
    """What is measured, and how long.

    Attributes:
        weights: A shipped name or a file.
        device: Of the performance figures.
        data: Labelled pictures (docs/data.md); None leaves their figures out.
        split: Of them.
        phantom_minutes: Length of the phantom video, in scenes of `scene_s`.
        scene_s: Length of a scene.
        seed: First scene; training uses those below 90,000.
        rule: The persistence filter.
        live_s: Seconds in which masks of the running service are timed.
        pixel_pictures: Pictures whose pixels are compared.
        relay: Of the comparison with a direct player.
    """

    weights: str
    device: str
    data: Path | None
    split: str
    phantom_minutes: float
    scene_s: float
    seed: int
    rule: PersistenceRule
    live_s: float
    pixel_pictures: int
    relay: RelaySettings


@dataclass(frozen=True)
class ClinicalResult:
    """The four figures; what was not asked for is None."""

    settings: ClinicalSettings
    model: str
    pictures: PicturePerformance | None
    video: VideoPerformance
    pixels: PixelCheck
    relay: RelayResult
    annotation: AnnotationDelay

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values; single delays are left to the plots."""
        return {
            "weights": self.model,
            "performance": {
                "pictures": self.pictures.to_dict() if self.pictures else None,
                "phantom": self.video.to_dict(),
            },
            "pixel_difference": self.pixels.to_dict(),
            "video_delay": self.relay.to_dict(),
            "annotation_delay": self.annotation.to_dict(),
        }


def measure_clinical(
    settings: ClinicalSettings, folder: Path, progress: Progress
) -> ClinicalResult:
    """Measure this installation; what runs the service comes first, while nothing else runs.

    Args:
        settings: What.
        folder: For files of the moment.
        progress: Told what happens.

    Raises:
        SaliError: Weights or labelled pictures cannot be used.
        BenchError: The service does not start, or a part of it does not answer.
    """
    pictures = StillFolder(settings.data, settings.split) if settings.data else None
    model = create_engine(settings.weights, settings.device)
    progress("rendering a phantom video to be served")
    file = folder / "phantom.mp4"
    write_phantom_video(
        PhantomConfig(*LIVE_SIZE, fps=settings.relay.shape.fps, seconds=LIVE_S, seed=settings.seed),
        file,
    )
    annotation = asyncio.run(
        measure_annotation(file, settings.weights, settings.live_s, folder, progress)
    )
    relay = asyncio.run(measure_relay(settings.relay, folder, progress))
    pixels = asyncio.run(
        check_pixels(file, settings.weights, settings.pixel_pictures, folder, progress)
    )
    scenes = choose_scenes(settings.phantom_minutes, settings.seed, settings.scene_s, FPS)
    progress(f"{settings.phantom_minutes:g} minutes of phantom video")
    record_scenes(model, scenes, folder / "scenes", progress)
    return ClinicalResult(
        settings=settings,
        model=model.info.name,
        pictures=score_pictures(model, pictures, progress) if pictures else None,
        video=score_video(read_scenes(folder / "scenes"), settings.rule),
        pixels=pixels,
        relay=relay,
        annotation=annotation,
    )
