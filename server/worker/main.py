"""The worker process: `python -m server.worker.main --fd N`.

The event loop reads messages, answers pings and asks the scheduler; one thread runs the network.
The process ends when its stream does, at once, whatever the thread is doing. Nothing heavy is
imported before the service has said what to load, so that every failure can be told.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from server.errors import UnsupportedMessageError, WorkerStartError, WorkerStepError
from server.worker.protocol import (
    Close,
    Configure,
    Dropped,
    Failed,
    Hello,
    MessageChannel,
    Open,
    Ping,
    Pong,
    Ready,
    Reset,
    Step,
    StepFailed,
    ToWorker,
)
from server.worker.scheduler import Batch, DroppedRequest, Scheduler, StepRequest

if TYPE_CHECKING:
    from server.worker.runner import Runner

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
        self._scheduler = Scheduler(max_batch=1)
        self._runner: Runner | None = None

    async def run(self) -> int:
        """Serve until the stream ends; return the exit status."""
        configuration = await self._receive_configuration()
        if configuration is None:
            return 0
        self._scheduler = Scheduler(configuration.max_batch)
        self._deadline_ns = configuration.deadline_ms * _NS_PER_MS
        reading = asyncio.create_task(self._read())
        working = asyncio.create_task(self._work(configuration))
        done, pending = await asyncio.wait({reading, working}, return_when="FIRST_COMPLETED")
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
                await self._channel.send(Pong(nonce=message.nonce))
            else:
                await self._tell_dropped(self._take(message, body))
        return 0

    def _take(self, message: ToWorker, body: bytes) -> list[DroppedRequest]:
        """Hand a message to the scheduler."""
        match message:
            case Step():
                self._has_work.set()
                return self._scheduler.submit(self._request(message, body))
            case Open() | Reset():
                self._forget(message.session)
                return self._scheduler.open(message.session, message.epoch)
            case Close():
                dropped = self._scheduler.close(message.session)
                self._forget(message.session)
                return dropped
            case _:
                raise UnsupportedMessageError(f"{message.type} is out of order")

    def _request(self, message: Step, body: bytes) -> StepRequest:
        """Check a picture's size and note when it expires."""
        if len(body) != message.height * message.width * 3:
            raise UnsupportedMessageError("a picture's bytes do not fit its size")
        captured_at_ns = time.monotonic_ns() - int(message.age_ms * _NS_PER_MS)
        return StepRequest(
            session=message.session,
            epoch=message.epoch,
            sequence=message.sequence,
            height=message.height,
            width=message.width,
            rgb=body,
            expires_at_ns=captured_at_ns + self._deadline_ns,
        )

    def _forget(self, session: str) -> None:
        """Empty a session's memory."""
        if self._runner is not None:
            self._runner.forget(session)

    async def _work(self, configuration: Configure) -> int:
        """Load, warm up, then compute for ever; return the exit status if that ends."""
        loop = asyncio.get_running_loop()
        try:
            runner = await loop.run_in_executor(self._executor, _load, configuration)
            self._runner = runner
            await self._channel.send(_hello(runner, configuration))
            warm_up_s = await loop.run_in_executor(self._executor, runner.warm_up)
        except WorkerStartError as exc:
            await self._channel.send(Failed(message=str(exc)))
            return 1
        await self._channel.send(Ready(warm_up_s=round(warm_up_s, 3)))
        failed_steps = 0
        while failed_steps < MAX_FAILED_STEPS:
            await self._has_work.wait()
            batch = self._scheduler.next_batch(time.monotonic_ns())
            await self._tell_dropped(batch.dropped)
            if not batch.requests:
                self._has_work.clear()
                continue
            failed_steps = 0 if await self._compute(runner, batch) else failed_steps + 1
        return 1

    async def _compute(self, runner: Runner, batch: Batch) -> bool:
        """Compute a batch and send its results; return whether that went well."""
        loop = asyncio.get_running_loop()
        try:
            results = await loop.run_in_executor(self._executor, runner.run, batch.requests)
        except WorkerStepError as exc:
            for request in batch.requests:
                failed = StepFailed(
                    session=request.session,
                    epoch=request.epoch,
                    sequence=request.sequence,
                    message=str(exc),
                )
                await self._channel.send(failed)
            return False
        for result in results:
            await self._channel.send(result)
        return True

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


def _hello(runner: Runner, configuration: Configure) -> Hello:
    """Introduce the engine."""
    height, width = runner.info.input_size
    return Hello(
        name=runner.info.name,
        profile=runner.info.profile,
        device=runner.info.device,
        engine=runner.info.engine,
        threshold=runner.info.threshold,
        mask_size=(height, width),
        capacity=configuration.max_batch,
        pid=os.getpid(),
    )


async def _serve(descriptor: int) -> int:
    """Serve the stream of an inherited socket."""
    reader, writer = await asyncio.open_connection(sock=socket.socket(fileno=descriptor))
    executor = ThreadPoolExecutor(1, thread_name_prefix="runner")
    try:
        return await Worker(MessageChannel(reader, writer), executor).run()
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
