"""Capacities that nobody measured."""

from __future__ import annotations

from server.worker.protocol import Capacity, Demand, StepTime

DEMAND = Demand(fps=25, within_ms=100, headroom=0.2)


def made_up_capacity(sessions: int = 4, batch: int = 4, fps_alone: float = 25.0) -> Capacity:
    """A device that takes 5 ms for a step of any size."""
    steps = tuple(
        StepTime(batch=size, step_ms=5.0, step_p99_ms=6.0, finish_ms=0.5) for size in {1, batch}
    )
    return Capacity(
        sessions=sessions,
        batch=batch,
        fps_alone=fps_alone,
        demand=DEMAND,
        steps=steps,
        is_memory_full=True,
        explanation="made up",
    )
