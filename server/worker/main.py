"""The worker process: `python -m server.worker.main --fd N`.

The event loop reads messages, answers pings and asks the scheduler; one thread runs the network.
While it computes a batch, another thread finds the outlines of the batch before.
The process ends when its stream does, at once, whatever the thread is doing. Nothing heavy is
imported before the service has said what to load, so that every failure can be told.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import socket
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from server.errors import UnsupportedMessageError, WorkerStartError, WorkerStepError
from server.worker.channel import MessageChannel
from server.worker.own_memory import resident_bytes
from server.worker.protocol import (
    Capacity,
    Close,
    Configure,
    Dropped,
    Failed,
    Hello,
    MemoryRead,
    Open,
    Ping,
    Pixels,
    Pong,
    ReadMemory,
    Ready,
    Reset,
    Result,
    Step,
    StepFailed,
    StepTrace,
    ToWorker,
)
from server.worker.scheduler import DroppedRequest, Scheduler, StepRequest
from server.worker.step_times import StepTimes

if TYPE_CHECKING:
    from server.worker.runner import Computed, Runner

MAX_FAILED_STEPS = 5
"""Failed steps in a row after which the process gives itself up: a fresh one may do better."""

_NS_PER_MS = 1_000_000
_NICENESS = 5


class Worker:
    """One connection's life: configure, load, warm up, then compute until the stream ends."""

    def __init__(self, channel: MessageChannel, executor: ThreadPoolExecutor) -> None:
        """Take the stream and the one thread that runs the network."""
        self._channel = channel
        self._executor = executor
        self._has_work = asyncio.Event()
        self._deadline_ns = 0
        self._times = StepTimes()
        self._scheduler = Scheduler(1)
        self._computed: asyncio.Queue[tuple[Computed, int]] = asyncio.Queue(1)
        self._runner: Runner | None = None
        self._questions: dict[str, ReadMemory] = {}

    async def run(self) -> int:
        """Serve until the stream ends; return the exit status."""
        configuration = await self._receive_configuration()
        if configuration is None:
            return 0
        self._deadline_ns = configuration.deadline_ms * _NS_PER_MS
        tasks = {
            asyncio.create_task(self._read()),
            asyncio.create_task(self._work(configuration)),
            asyncio.create_task(self._finish()),
        }
        done, pending = await asyncio.wait(tasks, return_when="FIRST_COMPLETED")
        for task in pending:
            task.cancel()
        return max(task.result() for task in done)

    async def _receive_configuration(self) -> Configure | None:
        """Wait for the first message; None when the stream ends before it."""
        received = await self._channel.receive_by_worker()
        if received is None:
            return None
        message = received[0]
        if not isinstance(message, Configure):
            raise UnsupportedMessageError(f"expected configure, not {message.type}")
        return message

    async def _read(self) -> int:
        """Take messages until the stream ends."""
        while (received := await self._channel.receive_by_worker()) is not None:
            message, body = received
            if isinstance(message, Ping):
                await self._channel.send(self._pong(message.nonce))
            else:
                await self._tell_dropped(self._take(message, body))
        return 0

    def _pong(self, nonce: int) -> Pong:
        """Answer a ping."""
        runner = self._runner
        return Pong(
            nonce=nonce,
            memory_bytes=resident_bytes(),
            device_memory_bytes=None if runner is None else runner.device_memory_bytes(),
        )

    def _take(self, message: ToWorker, body: Pixels) -> list[DroppedRequest]:
        """Hand a message to the scheduler."""
        match message:
            case Step():
                self._has_work.set()
                return self._scheduler.submit(self._request(message, body))
            case ReadMemory():
                self._questions[message.session] = message
                return []
            case Open() | Reset():
                self._forget(message.session)
                return self._scheduler.open(message.session, message.epoch)
            case Close():
                dropped = self._scheduler.close(message.session)
                self._forget(message.session)
                return dropped
            case _:
                raise UnsupportedMessageError(f"{message.type} is out of order")

    def _request(self, message: Step, body: Pixels) -> StepRequest:
        """Check a picture's size and note when it expires."""
        if len(body) != message.height * message.width * 3:
            raise UnsupportedMessageError("a picture's bytes do not fit its size")
        now_ns = time.monotonic_ns()
        captured_at_ns = now_ns - int(message.age_ms * _NS_PER_MS)
        return StepRequest(
            session=message.session,
            epoch=message.epoch,
            sequence=message.sequence,
            height=message.height,
            width=message.width,
            rgb=body,
            arrived_at_ns=now_ns,
            expires_at_ns=captured_at_ns + self._deadline_ns,
            pts=message.pts,
            is_left_out=message.is_left_out,
            is_traced=message.is_traced,
            is_patient=message.is_patient,
        )

    def _forget(self, session: str) -> None:
        """Empty a session's memory; nobody asks what is in it any more."""
        self._questions.pop(session, None)
        if self._runner is not None:
            self._runner.forget(session)

    async def _work(self, configuration: Configure) -> int:
        """Load, warm up, then compute for ever; return the exit status if that ends."""
        loop = asyncio.get_running_loop()
        try:
            runner = await loop.run_in_executor(self._executor, _load, configuration)
            self._runner = runner
            await self._channel.send(_hello(runner))
            ready = await loop.run_in_executor(self._executor, _warm_up, runner, configuration)
        except WorkerStartError as exc:
            await self._channel.send(Failed(message=str(exc)))
            return 1
        self._times = StepTimes(ready.capacity.steps)
        self._scheduler = Scheduler(ready.capacity.batch, self._times)
        await self._channel.send(ready)
        failed_steps = 0
        while failed_steps < MAX_FAILED_STEPS:
            requests = await self._next_batch()
            failed_steps = 0 if await self._compute(runner, requests) else failed_steps + 1
        return 1

    async def _next_batch(self) -> tuple[StepRequest, ...]:
        """Wait until there is something to compute."""
        while True:
            self._has_work.clear()
            batch = self._scheduler.next_batch(time.monotonic_ns())
            await self._tell_dropped(batch.dropped)
            if batch.requests:
                return batch.requests
            hold_s = None
            if batch.hold_until_ns is not None:
                hold_s = max(0.0, (batch.hold_until_ns - time.monotonic_ns()) / 1e9)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(hold_s):
                    await self._has_work.wait()

    async def _compute(self, runner: Runner, requests: tuple[StepRequest, ...]) -> bool:
        """Compute a batch and leave it to be finished; return whether that went well."""
        loop = asyncio.get_running_loop()
        began_ns = time.monotonic_ns()
        try:
            questions = self._take_questions(requests)
            computed = await loop.run_in_executor(
                self._executor, runner.compute, requests, questions
            )
        except WorkerStepError as exc:
            for request in requests:
                failed = StepFailed(
                    session=request.session,
                    epoch=request.epoch,
                    sequence=request.sequence,
                    message=str(exc),
                )
                await self._channel.send(failed)
            return False
        finally:
            # One that was closed meanwhile has been given a memory again by this very step.
            for request in requests:
                if not self._scheduler.knows(request.session):
                    runner.forget(request.session)
        await self._computed.put((computed, began_ns))
        return True

    def _take_questions(self, requests: Sequence[StepRequest]) -> dict[str, ReadMemory]:
        """Take the questions that this batch can answer; those of other epochs are over."""
        asked = {}
        for request in requests:
            question = self._questions.pop(request.session, None)
            if question is not None and question.epoch == request.epoch:
                asked[request.session] = question
        return asked

    async def _finish(self) -> int:
        """Send the results of computed batches, for ever."""
        while True:
            computed, began_ns = await self._computed.get()
            results = await asyncio.to_thread(_finish, computed)
            for request, result in zip(computed.requests, results, strict=True):
                timed = _timed(result, request, began_ns) if request.is_traced else result
                await self._channel.send(timed)
            if computed.told:
                for answer in await asyncio.to_thread(_answers, computed):
                    await self._channel.send(answer)
            self._times.observe(len(computed.requests), time.monotonic_ns() - began_ns)

    async def _tell_dropped(self, dropped: Sequence[DroppedRequest]) -> None:
        """Say which pictures were given up."""
        for entry in dropped:
            await self._channel.send(
                Dropped(
                    session=entry.request.session,
                    epoch=entry.request.epoch,
                    sequence=entry.request.sequence,
                    cause=entry.cause,
                )
            )


def _load(configuration: Configure) -> Runner:
    """Import the runner (numpy, scipy, then the engine's own) and make it; slow."""
    try:
        from server.worker.runner import Runner
    except ImportError as exc:
        raise WorkerStartError(f"the worker is not installed completely: {exc}") from exc
    return Runner.load(configuration)


def _warm_up(runner: Runner, configuration: Configure) -> Ready:
    """Make the runner quick, and find out how quick it is; slow."""
    from server.worker.measure import measure_capacity

    warm_up_s = runner.warm_up()
    capacity: Capacity = measure_capacity(runner, configuration, time.monotonic_ns)
    return Ready(warm_up_s=round(warm_up_s, 3), capacity=capacity)


def _finish(computed: Computed) -> list[Result]:
    """Turn a computed batch into messages."""
    from server.worker.runner import finish

    return finish(computed)


def _timed(result: Result, request: StepRequest, began_ns: int) -> Result:
    """Tell with a result when its picture's step began, ended and was written."""
    began_ms = (began_ns - request.arrived_at_ns) / _NS_PER_MS
    times = StepTrace(
        began_ms=began_ms,
        computed_ms=began_ms + result.step_ms,
        finished_ms=(time.monotonic_ns() - request.arrived_at_ns) / _NS_PER_MS,
    )
    return result.model_copy(update={"trace": times})


def _answers(computed: Computed) -> list[MemoryRead]:
    """Write what steps told of their memory."""
    from server.worker.memory_answer import answer

    return [answer(told) for told in computed.told]


def _hello(runner: Runner) -> Hello:
    """Introduce the engine."""
    height, width = runner.info.input_size
    return Hello(
        name=runner.info.name,
        profile=runner.info.profile,
        device=runner.info.device,
        engine=runner.info.engine,
        threshold=runner.info.threshold,
        mask_size=(height, width),
        pid=os.getpid(),
    )


async def _serve(descriptor: int) -> int:
    """Serve the stream of an inherited socket."""
    channel = MessageChannel(socket.socket(fileno=descriptor))
    executor = ThreadPoolExecutor(1, thread_name_prefix="runner")
    try:
        return await Worker(channel, executor).run()
    except ConnectionError:
        return 0
    except UnsupportedMessageError as exc:
        sys.stderr.write(f"sali worker: {exc}\n")
        return 1


def main() -> None:
    """Run the process; never returns.

    `os._exit`, because a step that hangs would keep an ordinary exit waiting for its thread.
    """
    parser = argparse.ArgumentParser(description="Run the SALI network for a service.")
    parser.add_argument("--fd", type=int, required=True, help="inherited socket to serve")
    # Where cores are short, the video comes first.
    os.nice(_NICENESS)
    status = asyncio.run(_serve(parser.parse_args().fd), debug=False)
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    main()
