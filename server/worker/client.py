"""What sessions ask of the worker: `open`, `step`, `reset`, `close`.

The client knows which sessions are open and tells every new worker, so a session only sees that
its memory is empty again. Used from one event loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from server.errors import MemoryNotReadError, WorkerError, WorkerLostError, WorkerStepError
from server.settings import WorkerSettings
from server.worker.protocol import (
    Capacity,
    Close,
    Dropped,
    FromWorker,
    Hello,
    MemoryRead,
    Open,
    Pixels,
    Pong,
    ReadMemory,
    Reset,
    Result,
    Step,
    StepFailed,
)
from server.worker.state import WorkerState, WorkerStatus
from server.worker.supervisor import WorkerSupervisor

StatusListener = Callable[[WorkerStatus], None]

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Picture:
    """One picture to compute: `rgb` is height * width * 3 bytes, `age_ms` its age now.

    `is_left_out`: it is not to enter the session's memory. `is_traced`: its result tells its times.
    `is_patient`: it has no deadline and gives way to all others.
    """

    session: str
    sequence: int
    height: int
    width: int
    rgb: Pixels
    age_ms: float
    pts: int = 0
    is_left_out: bool = False
    is_traced: bool = False
    is_patient: bool = False


class WorkerClient:
    """The service's side of the worker.

    Invariant: a result is only handed to the caller that waits for exactly this session, epoch and
    sequence; what answers a picture from before a reset finds nobody.
    """

    def __init__(
        self, settings: WorkerSettings, *, deadline_ms: int, now_ns: Callable[[], int]
    ) -> None:
        """Start nothing yet; see `WorkerSupervisor` for the arguments."""
        self._supervisor = WorkerSupervisor(
            settings,
            deadline_ms=deadline_ms,
            now_ns=now_ns,
            on_message=self._take,
            on_status=self._follow,
        )
        self._epochs: dict[str, int] = {}
        self._pending: dict[tuple[str, int, int], asyncio.Future[Result | Dropped]] = {}
        self._questions: dict[str, asyncio.Future[MemoryRead]] = {}
        self._listeners: set[StatusListener] = set()
        self._ready = asyncio.Event()

    @property
    def status(self) -> WorkerStatus:
        """Where the worker stands."""
        return self._supervisor.status

    @property
    def hello(self) -> Hello | None:
        """What the worker said of itself; None until one has loaded its weights."""
        return self._supervisor.hello

    @property
    def capacity(self) -> Capacity | None:
        """How many sessions can be served well; None until a worker has measured it."""
        return self._supervisor.capacity

    @property
    def pong(self) -> Pong | None:
        """The last sign of life of the worker that runs now, with the memory it holds."""
        return self._supervisor.pong

    @property
    def restarts(self) -> int:
        """Workers started in place of a lost one."""
        return self._supervisor.restarts

    @property
    def pid(self) -> int | None:
        """Process id of the worker that runs now."""
        return self._supervisor.pid

    def start(self) -> None:
        """Start a worker and keep one running."""
        self._supervisor.start()

    async def aclose(self) -> None:
        """End the worker."""
        await self._supervisor.aclose()

    async def wait_until_loaded(self) -> Hello:
        """Return once a worker has loaded its weights.

        Raises:
            WorkerStartError: No worker can start; the line tells why.
        """
        return await self._supervisor.wait_until_loaded()

    async def wait_until_ready(self) -> None:
        """Return once a worker is warm; for ever if none gets so."""
        await self._ready.wait()

    def add_listener(self, listener: StatusListener) -> None:
        """Call `listener` after every change of `status`."""
        self._listeners.add(listener)

    def remove_listener(self, listener: StatusListener) -> None:
        """Undo `add_listener`."""
        self._listeners.discard(listener)

    def open(self, session: str) -> None:
        """Begin a session with an empty memory."""
        self._epochs[session] = 0
        self._supervisor.post(Open(session=session, epoch=0))
        self._warn_of_too_many()

    def reset(self, session: str) -> None:
        """Empty a session's memory; pictures under way are given up."""
        epoch = self._epochs[session] + 1
        self._epochs[session] = epoch
        self._give_up(session)
        self._supervisor.post(Reset(session=session, epoch=epoch))

    def close(self, session: str) -> None:
        """End a session; nothing happens if it is unknown."""
        if self._epochs.pop(session, None) is not None:
            self._give_up(session)
            self._supervisor.post(Close(session=session))

    async def step(self, picture: Picture) -> Result | Dropped:
        """Have one picture computed.

        Returns:
            The mask, or why there is none.

        Raises:
            WorkerLostError: No worker is ready, or it was lost meanwhile.
            WorkerStepError: The network failed; the session's memory is empty now.
        """
        epoch = self._epochs[picture.session]
        key = (picture.session, epoch, picture.sequence)
        answer: asyncio.Future[Result | Dropped] = asyncio.get_running_loop().create_future()
        self._pending[key] = answer
        try:
            message = Step(
                session=picture.session,
                epoch=epoch,
                sequence=picture.sequence,
                height=picture.height,
                width=picture.width,
                age_ms=picture.age_ms,
                pts=picture.pts,
                is_left_out=picture.is_left_out,
                is_traced=picture.is_traced,
                is_patient=picture.is_patient,
            )
            await self._supervisor.send_step(message, picture.rgb)
            return await answer
        finally:
            self._pending.pop(key, None)
            if answer.done() and not answer.cancelled():
                answer.exception()

    async def read_memory(
        self, session: str, known: tuple[int, ...], maps: tuple[int, ...]
    ) -> MemoryRead:
        """Have the session's next step tell what it reads; one question a session at a time.

        Args:
            session: Which.
            known: Frames (`sequence`) whose pictures are not wanted again.
            maps: Frames of which is asked where in them the network looks.

        Raises:
            WorkerLostError: No worker is ready, or it was lost meanwhile.
            MemoryNotReadError: The memory was emptied meanwhile.
        """
        if self._supervisor.status.state is not WorkerState.READY:
            raise WorkerLostError("no AI worker is ready")
        answer: asyncio.Future[MemoryRead] = asyncio.get_running_loop().create_future()
        self._questions[session] = answer
        question = ReadMemory(session=session, epoch=self._epochs[session], known=known, maps=maps)
        self._supervisor.post(question)
        try:
            return await answer
        finally:
            if self._questions.get(session) is answer:
                del self._questions[session]

    def _take(self, message: FromWorker) -> None:
        """Hand an answer to whoever waits for it."""
        if isinstance(message, MemoryRead):
            question = self._questions.get(message.session)
            if question is not None and message.epoch == self._epochs.get(message.session):
                _settle(question, message)
            return
        if not isinstance(message, Result | Dropped | StepFailed):
            return
        answer = self._pending.get((message.session, message.epoch, message.sequence))
        if answer is None or answer.done():
            return
        if isinstance(message, StepFailed):
            answer.set_exception(WorkerStepError(message.message))
        else:
            answer.set_result(message)

    def _give_up(self, session: str) -> None:
        """Answer every waiting picture of a session: its epoch is over."""
        for (owner, epoch, sequence), answer in self._pending.items():
            if owner == session and not answer.done():
                dropped = Dropped(session=session, epoch=epoch, sequence=sequence, cause="reset")
                answer.set_result(dropped)
        question = self._questions.get(session)
        if question is not None:
            _settle(question, MemoryNotReadError("the memory was emptied"))

    def _warn_of_too_many(self) -> None:
        """Say so if more sessions were opened, by the operator's word, than are served well."""
        capacity = self._supervisor.capacity
        if capacity is not None and len(self._epochs) > max(1, capacity.sessions):
            _log.warning(
                "worker_overcommitted", sessions=len(self._epochs), capacity=capacity.sessions
            )

    def _follow(self, status: WorkerStatus) -> None:
        """Open the sessions in a new worker; give up what a lost one owed."""
        if status.state is WorkerState.READY:
            for session, epoch in self._epochs.items():
                self._supervisor.post(Open(session=session, epoch=epoch))
            self._warn_of_too_many()
            self._ready.set()
        else:
            self._ready.clear()
            for answer in self._pending.values():
                if not answer.done():
                    answer.set_exception(WorkerLostError("the AI worker was lost"))
            for question in self._questions.values():
                _settle(question, WorkerLostError("the AI worker was lost"))
        for listener in tuple(self._listeners):
            listener(status)


def _settle(question: asyncio.Future[MemoryRead], answer: MemoryRead | WorkerError) -> None:
    """Answer a question about a memory, unless somebody did."""
    if question.done():
        return
    if isinstance(answer, MemoryRead):
        question.set_result(answer)
    else:
        question.set_exception(answer)
