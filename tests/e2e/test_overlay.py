"""What the page draws, compared with the truth, frame by frame."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

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
from tests.e2e.looking import until
from tests.e2e.phantom_film import slow_down

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

    Eight pictures a second, as many as a slow machine computes in time; speed is not asked for
    here. tests/commands/test_demo_weights.py counts the misses too.
    """
    film = slow_down(phantom_file.path, tmp_path / "slow.mp4", 3)
    with serve(tmp_path, str(film)) as service, open_page() as page:
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
        before, _ = drawn_within(page, 2.0)
        first = service.worker_pid()
        os.kill(first, signal.SIGKILL)
        after, seen = drawn_within(page, 1.0)
        assert seen - {"active"}, "the page never said that the AI was gone"
        # Half of what this machine showed before, figures being told four times a second.
        assert after >= before / 4 > 0, f"{after} frames of video in the second after"
        until(lambda: service.worker_pids() not in ([], [first]), "another worker")
        wait_attribute(page, "ai-state", "active")
        masks = count(page, "masks-drawn")
        until(lambda: count(page, "masks-drawn") > masks, "masks again")


def drawn_within(page: Any, seconds: float) -> tuple[int, set[str]]:
    """Frames of video that are drawn from now on, and what is said of the AI meanwhile."""
    drawn, since = count(page, "frames-drawn"), time.monotonic()
    seen = set()
    while time.monotonic() - since < seconds:
        seen.add(attribute(page, "ai-state"))
        time.sleep(0.02)
    return count(page, "frames-drawn") - drawn, seen
