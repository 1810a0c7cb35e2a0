"""What the page draws, compared with the truth, frame by frame."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from sali_core.evaluation.metrics import iou
from tests.e2e.browser import (
    MARKER,
    VIDEO_SIZE,
    attribute,
    compare_marks,
    count,
    look,
    open_page,
    serve,
    wait_attribute,
    watch,
)
from tests.e2e.conftest import PhantomFile

pytestmark = pytest.mark.e2e


@pytest.mark.hazard("H1")
def test_every_drawn_mask_belongs_to_the_frame_it_is_drawn_on(
    phantom_file: PhantomFile, tmp_path: Path
) -> None:
    """Each mask shows the number its picture carried; the picture on the page must carry it too."""
    with (
        serve(tmp_path, str(phantom_file.path), environment=MARKER) as service,
        open_page() as page,
    ):
        watch(page, service)
        compare_marks(page, wanted=20, timeout_s=180)
        assert attribute(page, "mode") == "exact"


def test_outlines_follow_the_phantoms_polyps(phantom_file: PhantomFile, tmp_path: Path) -> None:
    """The real network: mean IoU with the truth over frames drawn with an outline.

    tests/integration/test_demo_weights.py counts the misses too.
    """
    with serve(tmp_path, str(phantom_file.path)) as service, open_page() as page:
        watch(page, service)
        overlaps = []
        # A machine that does other work draws fewer masks: it is given more time, not less to show.
        deadline = time.monotonic() + 150
        while len(overlaps) < 60 and time.monotonic() < deadline:
            masks = count(page, "masks-drawn")
            shown = look(page, VIDEO_SIZE)
            if shown.number is None or count(page, "masks-drawn") == masks:
                continue
            truth = phantom_file.truth(shown.number)
            # A polyp of less than a thousandth of the picture is too far away to ask for.
            if truth.mean() > 0.001 and shown.has_outline:
                overlaps.append(iou(shown.outlined, truth))
        assert len(overlaps) >= 20
        mean = float(np.mean(overlaps))
        print(
            f"mean IoU {mean:.3f} over {len(overlaps)} frames, latency "
            f"{attribute(page, 'mask-latency-ms')} ms"
        )
        assert mean >= 0.5


@pytest.mark.hazard("H3", "H12")
def test_a_killed_worker_leaves_the_video_running_and_comes_back(
    phantom_file: PhantomFile, tmp_path: Path
) -> None:
    with (
        serve(tmp_path, str(phantom_file.path), environment=MARKER) as service,
        open_page() as page,
    ):
        watch(page, service)
        first = service.worker_pid()
        os.kill(first, signal.SIGKILL)
        drawn, since = count(page, "frames-drawn"), time.monotonic()
        seen = set()
        while time.monotonic() - since < 1.0:
            seen.add(attribute(page, "ai-state"))
            time.sleep(0.02)
        assert seen - {"active"}, "the page never said that the AI was gone"
        video_frames = count(page, "frames-drawn") - drawn
        assert video_frames >= 12, f"only {video_frames} frames of video in the second after"
        wait_attribute(page, "ai-state", "active", timeout_s=30)
        assert service.worker_pid() != first
        masks = count(page, "masks-drawn")
        time.sleep(2)
        assert count(page, "masks-drawn") > masks
