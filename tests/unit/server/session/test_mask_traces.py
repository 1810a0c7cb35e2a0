"""Which frames of a session are traced, and what their traces say."""

from __future__ import annotations

import asyncio

from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from server.errors import WorkerLostError
from server.observability.traces import FrameTraces
from server.worker.protocol import StepTrace
from tests.fakes.fake_worker import FakeWorker, result_of
from tests.fakes.virtual_clock import VirtualClock
from tests.unit.server.session.test_mask_loop import ScriptedMailbox, frame, loop_of, until


async def outcomes_of(every_frames: int) -> tuple[list[bool], list[tuple[int, str]], set[str]]:
    """Send six frames: masked, but the fourth, with which the worker is lost."""
    mailbox, worker, clock = ScriptedMailbox(), FakeWorker(), VirtualClock()
    exporter = InMemorySpanExporter()
    traces = FrameTraces(exporter, every_frames=every_frames, now_ns=clock.monotonic_ns)
    asked = []
    async with loop_of(mailbox, worker, clock, traces=traces) as masks:
        for sequence in range(6):
            mailbox.put(frame(sequence, clock.monotonic_ns()))
            picture, answer = await worker.next_picture()
            asked.append(picture.is_traced)
            if sequence == 3:
                answer.set_exception(WorkerLostError("gone"))
                await until(lambda: masks.drops["worker_lost"] == 1)
                continue
            times = StepTrace(began_ms=1, computed_ms=2, finished_ms=3)
            done = masks.frames_masked + 1
            answer.set_result(result_of(picture).model_copy(update={"trace": times}))
            await until(lambda done=done: masks.frames_masked == done)
        await asyncio.sleep(0)
    traces.close()
    spans = exporter.get_finished_spans()
    facts = [dict(span.attributes or {}) for span in spans if span.name == "frame"]
    told = [(int(fact["sali.sequence"]), str(fact["sali.outcome"])) for fact in facts]  # type: ignore[arg-type]
    return asked, told, {span.name for span in spans}


async def test_the_worker_is_asked_for_times_of_chosen_frames_only() -> None:
    asked, told, names = await outcomes_of(every_frames=2)
    assert asked == [True, False] * 3
    assert told == [(0, "masked"), (2, "masked"), (4, "masked")]
    assert names == {"frame", "media", "worker", "wait", "step", "outlines"}


async def test_a_frame_without_a_mask_is_told_with_its_cause() -> None:
    asked, told, _ = await outcomes_of(every_frames=1)
    assert asked == [True] * 6
    assert told[3] == (3, "worker_lost")
