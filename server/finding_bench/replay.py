"""What a persistence rule makes of recorded masks: what is told, when, and whether it is true."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from server.finding_bench.recording import FoundRegion, RecordedScene
from server.findings.judge import Judge, SeenRegion
from server.findings.persistence import PersistenceRule
from server.findings.tracker import Tracker
from server.media.frame import CLOCK_RATE_HZ

GAP_MS = 1000


@dataclass(frozen=True)
class FollowedFrame:
    """One frame: its time and its regions, each with its track."""

    pts: int
    regions: tuple[tuple[int, FoundRegion], ...]


@dataclass(frozen=True)
class FollowedScene:
    """A scene whose regions were joined to tracks, which no rule changes."""

    scene: RecordedScene
    frames: tuple[FollowedFrame, ...]


@dataclass(frozen=True)
class Appearance:
    """One polyp in sight, from frame `begin` up to `end`; `first` is where any of it was seen."""

    number: int
    first: int
    begin: int
    end: int


@dataclass
class Telling:
    """What a rule told of one or more scenes.

    Attributes:
        hours: Length of the scenes.
        told: Findings told.
        false: Of them, those whose masks touched no polyp on most of their frames until then.
        repeated: Of them, those whose polyp was told before: it had gone, or fell into parts.
        delays_ms: Of each polyp in sight, from its coming into sight until it was told; None if
            it was not told while in sight.
    """

    hours: float = 0.0
    told: int = 0
    false: int = 0
    repeated: int = 0
    delays_ms: list[float | None] = field(default_factory=list)


def follow(scene: RecordedScene) -> FollowedScene:
    """Join the regions of a scene to tracks, as a session does."""
    tracker = Tracker(GAP_MS)
    frames = []
    for index, frame in enumerate(scene.frames):
        pts = round(index * CLOCK_RATE_HZ / scene.choice.fps)
        tracks = tracker.follow(pts, [region.box for region in frame.regions])
        numbers = (track.number for track in tracks)
        frames.append(FollowedFrame(pts, tuple(zip(numbers, frame.regions, strict=True))))
    return FollowedScene(scene, tuple(frames))


def find_appearances(scene: RecordedScene, least_share: float) -> list[Appearance]:
    """List when each polyp is in sight: while it covers `least_share` of the picture.

    Stretches with less than a second between them are one; what is shorter than half a second in
    all is left out.
    """
    fps, least_px = scene.choice.fps, least_share * scene.picture_px
    numbers = sorted({number for frame in scene.frames for number in frame.truth})
    found = []
    for number in numbers:
        areas = [frame.truth.get(number, 0) for frame in scene.frames]
        for begin, end in _joined([area >= least_px for area in areas], round(fps)):
            if end - begin >= fps / 2:
                first = begin
                while first and areas[first - 1]:
                    first -= 1
                found.append(Appearance(number, first, begin, end))
    return found


def tell(scenes: Sequence[FollowedScene], rule: PersistenceRule, least_share: float) -> Telling:
    """Apply a rule to scenes.

    Args:
        scenes: Each begins a stream of its own.
        rule: What is told.
        least_share: Share of the picture from which a polyp is in sight.
    """
    telling = Telling()
    for followed in scenes:
        scene = followed.scene
        confirmed_at = _confirm(followed, rule)
        telling.hours += scene.hours
        telling.told += len(confirmed_at)
        polyps = [_polyp_of(followed, track, at) for track, at in confirmed_at.items()]
        true = [polyp for polyp in polyps if polyp is not None]
        telling.false += len(polyps) - len(true)
        telling.repeated += len(true) - len(set(true))
        telling.delays_ms += [
            _delay_ms(followed, appearance, confirmed_at)
            for appearance in find_appearances(scene, least_share)
        ]
    return telling


def _confirm(followed: FollowedScene, rule: PersistenceRule) -> dict[int, int]:
    """Return the frame at which each track is told."""
    judge, confirmed_at = Judge(GAP_MS), dict[int, int]()
    for index, frame in enumerate(followed.frames):
        seen = [
            (track, SeenRegion.of(region, followed.scene.picture_px))
            for track, region in frame.regions
        ]
        for verdict in judge.look(frame.pts, rule, seen):
            if verdict.is_new:
                confirmed_at[verdict.track] = index
    return confirmed_at


def _polyp_of(followed: FollowedScene, track: int, until: int) -> int | None:
    """Return the polyp that a track touched most up to a frame; None if half of it touched none."""
    touched: Counter[int | None] = Counter()
    for frame in followed.frames[: until + 1]:
        for number, region in frame.regions:
            if number == track:
                most = max(region.touched, key=lambda k: region.touched[k], default=None)
                touched[most] += 1
    if 2 * touched[None] > touched.total():
        return None
    del touched[None]
    return touched.most_common(1)[0][0]


def _delay_ms(
    followed: FollowedScene, appearance: Appearance, confirmed_at: dict[int, int]
) -> float | None:
    """Return how long after coming into sight a polyp lay under a mask that was told."""
    for index in range(appearance.first, appearance.end):
        for track, region in followed.frames[index].regions:
            is_told = confirmed_at.get(track, index + 1) <= index
            if is_told and appearance.number in region.touched:
                return max(0, index - appearance.begin) * 1000 / followed.scene.choice.fps
    return None


def _joined(claims: Sequence[bool], gap: int) -> list[tuple[int, int]]:
    """Return (begin, end) of the stretches of True; those parted by at most `gap` are one."""
    stretches: list[tuple[int, int]] = []
    for index, claim in enumerate(claims):
        if not claim:
            continue
        if stretches and index - stretches[-1][1] <= gap:
            stretches[-1] = (stretches[-1][0], index + 1)
        else:
            stretches.append((index, index + 1))
    return stretches
