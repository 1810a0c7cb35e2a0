"""How many sessions a device can serve well, reckoned from its step times. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from server.worker.protocol import Capacity, Demand, StepTime
from server.worker.scheduler import HOLD_NS
from server.worker.step_times import interpolate

MAX_SESSIONS = 256
"""Where counting ends: a single service cannot decode more video anyway."""

_WORTHWHILE = 0.95
_HOLD_MS = HOLD_NS / 1e6


def capacity_of(steps: Sequence[StepTime], demand: Demand, *, is_memory_full: bool) -> Capacity:
    """Find the largest number of sessions that are served well.

    With p(b) the time a step of b pictures keeps the device, B the largest batch that is worth
    computing, and n sessions of f pictures a second, one round of pictures takes

        W(n) = floor(n / B) p(B) + p(n mod B)

    Two things must hold: W(n) <= (1 - headroom) / f, so that the device keeps up; and a picture
    that just missed a batch is ready in time,

        p(min(n, B)) + hold + W(n) + finish + slowest <= within

    where `slowest` is by how much the slowest step of a hundred exceeds an ordinary one. Outlines
    are found beside the next step, so the longer of the two counts in p.

    Args:
        steps: Measured, at least of batch 1.
        demand: What being served well means.
        is_memory_full: Told on, see `Capacity`.
    """
    busy = {time.batch: max(time.step_ms, time.finish_ms) for time in steps}
    batch = _best_batch(busy, demand.within_ms)
    finish = {time.batch: time.finish_ms for time in steps}
    slowest_ms = max(t.step_p99_ms - t.step_ms for t in steps if t.batch <= batch)

    def is_served_well(sessions: int) -> bool:
        full_rounds, rest = divmod(sessions, batch)
        round_ms = full_rounds * busy[batch] + (interpolate(busy, rest) if rest else 0.0)
        together = min(sessions, batch)
        missed_ms = interpolate(busy, together)
        ready_ms = missed_ms + _HOLD_MS + round_ms + interpolate(finish, together) + slowest_ms
        keeps_up = round_ms <= (1 - demand.headroom) * 1e3 / demand.fps
        return keeps_up and ready_ms <= demand.within_ms

    sessions = 0
    while sessions < MAX_SESSIONS and is_served_well(sessions + 1):
        sessions += 1
    return Capacity(
        sessions=sessions,
        batch=batch,
        fps_alone=round(min(demand.fps, 1e3 / max(busy[1], 1e-3)), 1),
        demand=demand,
        steps=tuple(steps),
        is_memory_full=is_memory_full,
        explanation=_explain(sessions, batch, steps, demand),
    )


def _best_batch(busy: dict[int, float], within_ms: int) -> int:
    """Return the smallest size whose pictures cost little more than the cheapest ones.

    Sizes of which two in a row take too long are left out: a picture may wait for one and be in
    the next.
    """
    usable = [b for b in busy if b == 1 or 2 * busy[b] + _HOLD_MS <= within_ms]
    cheapest = min(busy[b] / b for b in usable)
    return min(b for b in usable if _WORTHWHILE * busy[b] / b <= cheapest)


def _explain(sessions: int, batch: int, steps: Sequence[StepTime], demand: Demand) -> str:
    """Say in one line how the number came about."""
    time = next(time for time in steps if time.batch == batch)
    pictures = "1 picture takes" if batch == 1 else f"{batch} pictures takes"
    measured = f"a step of {pictures} {time.step_ms:.1f} ms (p99 {time.step_p99_ms:.1f} ms)"
    if sessions == 0:
        return (
            f"not even 1 x {demand.fps:g} pictures a second with {demand.headroom:.0%} of the time "
            f"free and 99 of 100 masks within {demand.within_ms} ms: {measured}"
        )
    return (
        f"{sessions} x {demand.fps:g} pictures a second: {measured}, {demand.headroom:.0%} of the "
        f"time stays free, 99 of 100 masks within {demand.within_ms} ms"
    )
