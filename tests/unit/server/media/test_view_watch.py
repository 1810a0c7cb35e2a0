"""The view over time: quick enough to leave, slow enough not to flicker."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest

from server.media.view import View
from server.media.view_watch import (
    FORGETS_AFTER_S,
    LEAVES_AFTER_S,
    RETURNS_AFTER_S,
    ViewLimits,
    ViewWatch,
)
from tests.fakes.rooms import ROOMS, render_room
from tests.fakes.tower_pictures import Pixels, ebu_bars, message_screen, one_colour

SIZE = (352, 352)
FPS = 25
Scene = Callable[[int], Pixels]


def mucosa(number: int) -> Pixels:
    """Red tissue with noise, never twice the same."""
    rng = np.random.default_rng(number)
    ground = np.linspace(0.4, 1.0, SIZE[1])[None, :, None] * np.array([200, 90, 70])
    return np.clip(ground + rng.normal(0, 5, (*SIZE, 3)), 0, 255).astype(np.uint8)


def room(number: int) -> Pixels:
    return _room(number % 4)


@cache
def _room(number: int) -> Pixels:
    return render_room(ROOMS["bright wall"], SIZE, seed=2, time_s=number / FPS)


def black(number: int) -> Pixels:
    return one_colour(SIZE, (0, 0, 0))


def still(number: int) -> Pixels:
    return mucosa(7)


class Player:
    """Shows pictures at 25 a second; notes each change of view and each loss of memory."""

    def __init__(self, limits: ViewLimits | None = None) -> None:
        self.watch = ViewWatch(limits or ViewLimits())
        self.number = 0
        self.changes: list[tuple[float, View]] = []
        self.forgotten_s: list[float] = []

    @property
    def time_s(self) -> float:
        return self.number / FPS

    def show(self, scene: Scene, seconds: float) -> None:
        for _ in range(round(seconds * FPS)):
            before = self.watch.view
            if self.watch.take(scene(self.number).tobytes(), SIZE, self.time_s):
                self.forgotten_s.append(self.time_s)
            if self.watch.view is not before:
                self.changes.append((self.time_s, self.watch.view))
            self.number += 1


def bars(number: int) -> Pixels:
    return ebu_bars(SIZE)


def no_signal(number: int) -> Pixels:
    return message_screen(SIZE, (16, 16, 200), (255, 255, 255), "NO SIGNAL")


@pytest.mark.parametrize(
    ("scene", "view"),
    [
        (room, View.OUT_OF_BODY),
        (bars, View.BARS),
        (no_signal, View.NO_SIGNAL),
    ],
)
@pytest.mark.hazard("H8", "H9", "F7")
def test_leaving_the_body_is_seen_within_the_time_and_empties_the_memory_once(
    scene: Scene, view: View
) -> None:
    player = Player()
    player.show(mucosa, 1.0)
    left_s = player.time_s
    player.show(scene, 3.0)
    assert [seen for _, seen in player.changes] == [View.IN_BODY, view]
    changed_s = player.changes[-1][0]
    assert changed_s - left_s <= LEAVES_AFTER_S + 2 / FPS
    assert player.forgotten_s == [changed_s]


@pytest.mark.hazard("H10")
def test_masks_come_back_soon_after_the_return() -> None:
    player = Player()
    player.show(mucosa, 0.5)
    player.show(room, 1.0)
    back_s = player.time_s
    player.show(mucosa, 1.0)
    changed_s, view = player.changes[-1]
    assert view is View.IN_BODY
    assert changed_s - back_s <= RETURNS_AFTER_S + 2 / FPS
    player.show(room, 1.0)
    assert len(player.forgotten_s) == 2, "each absence empties the memory"


def test_the_first_picture_decides_at_once() -> None:
    player = Player()
    player.show(room, 1 / FPS)
    assert player.changes == [(0.0, View.OUT_OF_BODY)]


@pytest.mark.hazard("H10")
def test_a_short_disturbance_changes_nothing() -> None:
    player = Player()
    player.show(mucosa, 1.0)
    for _ in range(5):
        player.show(room, 0.2)
        player.show(mucosa, 0.08)
    assert player.watch.view is View.IN_BODY
    assert player.forgotten_s == []


def test_a_flash_of_red_outside_does_not_bring_masks_back() -> None:
    player = Player()
    player.show(room, 1.0)
    for _ in range(5):
        player.show(mucosa, 0.08)
        player.show(room, 0.2)
    assert [view for _, view in player.changes] == [View.OUT_OF_BODY]


def test_a_black_second_is_a_gap_that_the_memory_survives() -> None:
    player = Player()
    player.show(mucosa, 1.0)
    player.show(black, 1.0)
    player.show(mucosa, 1.0)
    assert [view for _, view in player.changes] == [View.IN_BODY, View.BLANK, View.IN_BODY]
    assert player.forgotten_s == []


def test_a_long_black_time_ends_the_memory_as_a_gap_does() -> None:
    player = Player()
    player.show(mucosa, 1.0)
    player.show(black, 4.0)
    [forgotten_s] = player.forgotten_s
    assert forgotten_s == pytest.approx(player.changes[-1][0] + FORGETS_AFTER_S, abs=1.5 / FPS)


@pytest.mark.hazard("H7", "F8")
def test_the_same_picture_over_and_over_is_frozen_until_it_moves() -> None:
    player = Player()
    player.show(mucosa, 1.0)
    stopped_s = player.time_s
    player.show(still, 4.0)
    moved_s = player.time_s
    player.show(mucosa, 1.0)
    (_, first), (frozen_s, second), (back_s, third) = player.changes
    assert (first, second, third) == (View.IN_BODY, View.FROZEN, View.IN_BODY)
    assert frozen_s - stopped_s == pytest.approx(2.0, abs=2 / FPS)
    assert back_s - moved_s <= RETURNS_AFTER_S + 2 / FPS
    assert player.forgotten_s == [frozen_s]


def test_a_still_is_never_frozen_where_that_is_switched_off() -> None:
    player = Player(ViewLimits(frozen_after_ms=0))
    player.show(still, 4.0)
    assert player.changes == [(0.0, View.IN_BODY)]


def test_a_frozen_test_picture_is_still_a_test_picture() -> None:
    player = Player()
    player.show(bars, 4.0)
    assert player.changes == [(0.0, View.BARS)]


def test_pictures_are_not_looked_at_where_that_is_switched_off() -> None:
    player = Player(ViewLimits(is_checked=False))
    player.show(room, 1.0)
    player.show(still, 3.0)
    assert player.changes == []
    assert player.watch.view is View.UNKNOWN
    assert player.watch.view.has_masks


def test_another_source_is_looked_at_afresh() -> None:
    player = Player()
    player.show(room, 1.0)
    player.watch.restart()
    player.show(mucosa, 1 / FPS)
    assert player.watch.view is View.IN_BODY
