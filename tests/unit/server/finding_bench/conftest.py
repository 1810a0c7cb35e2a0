from __future__ import annotations

from server.finding_bench.recording import FoundRegion, RecordedFrame, RecordedScene, SceneChoice

PICTURE_PX = 352 * 352


def scene_of(found: str, truth: str | None = None, *, area_px: int = 4000) -> RecordedScene:
    """A scene at 25 frames a second, a letter a frame.

    Args:
        found: `x` the polyp is found, `f` something false is found, `.` nothing.
        truth: `1` polyp 1 covers `area_px`, `s` a speck of it is seen, `.` none is; by default it
            is always there.
        area_px: See `truth`.
    """
    frames = []
    for mark, seen in zip(found, truth or "1" * len(found), strict=True):
        in_sight = {"1": {1: area_px}, "s": {1: 20}, ".": {}}[seen]
        regions: tuple[FoundRegion, ...] = ()
        if mark == "x":
            regions = (FoundRegion((100, 100, 60, 60), 3600, 0.9, 1.0, 0.99, {1: 3000}),)
        elif mark == "f":
            regions = (FoundRegion((250, 20, 40, 40), 1600, 0.8, 1.0, 0.99, {}),)
        frames.append(RecordedFrame("clear", in_sight, regions, "0"))
    choice = SceneChoice(1, True, len(found) / 25, 25.0)
    return RecordedScene("made-up", choice, PICTURE_PX, tuple(frames))
