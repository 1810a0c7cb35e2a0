"""Builds the service and wires its parts; holds no logic."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from math import nan

from fastapi import FastAPI

from server.burn_in.stream import BurnedStream
from server.errors import ConfigurationError
from server.findings.persistence import PersistenceRule
from server.http import (
    configuration,
    devices,
    findings,
    frame_socket,
    health,
    mask_socket,
    memory,
    sessions,
    web,
    webrtc,
)
from server.http import settings as settings_routes
from server.http.access import AccessGate
from server.http.problem import install_problem_handlers
from server.http.services import Services
from server.masks.hub import HubLimits
from server.media.clock import Clock, SystemClock
from server.media.demo_source import DemoSettings
from server.media.encoder import Encoders
from server.media.frame import SourceState
from server.media.pipeline import MediaPipeline
from server.media.push_target import PushTarget, parse_push
from server.media.reconnect import RetryLimits
from server.media.region import parse_region
from server.media.source import check_source, parse_source
from server.media.source_factory import SourceOptions
from server.media.view_watch import ViewLimits
from server.media.whep import WhepViewers
from server.observability.metrics import ServiceMetrics
from server.session.admission import admission_of
from server.session.ai_state import AiLimits
from server.session.findings import FindingRules
from server.session.identity import SessionIdentity, SessionLimits
from server.session.mask_loop import MODEL_SIZE
from server.session.outputs import SessionOutputs
from server.session.ports import Media, MediaFactory, MediaOrder
from server.session.registry import SessionRegistry, SourceCheck
from server.session.session import Session
from server.settings import (
    FindingSettings,
    Settings,
    is_view_checked,
    refuse_open_listening,
    region_for,
)
from server.version import VERSION
from server.worker.client import WorkerClient
from server.worker.state import WorkerState


def create_app(
    settings: Settings,
    *,
    create_media: MediaFactory | None = None,
    check: SourceCheck | None = None,
    clock: Clock | None = None,
) -> FastAPI:
    """Build the service; its worker and its first sessions start with the application.

    The sources of the settings are taken as they are; who starts the service checks them first.

    Args:
        settings: What the operator chose.
        create_media: Makes the media half of a session; real pipelines by default.
        check: Refuses sources without video; the real check by default.
        clock: Time of everything; the machine's by default.

    Raises:
        ConfigurationError: The address to listen on needs a token, or the addresses to push to do
            not go with the sources.
        PushRefusedError: An address to push to cannot be used.
        RegionError: The region cannot be used.
    """
    refuse_open_listening(settings)
    configured_pushes(settings)
    parse_region(settings.region)
    clock = clock or SystemClock()
    services = _create_services(
        settings,
        create_media or _media_factory(settings, clock),
        check or source_check(settings),
        clock,
    )
    app = FastAPI(
        title="SALI Live",
        summary="Live polyp masks for colonoscopy video. Not a medical device.",
        docs_url=None,
        redoc_url=None,
        openapi_url="/v1/openapi.json",
        lifespan=_lifespan(services),
    )
    app.state.services = services
    install_problem_handlers(app)
    rest = (health, configuration, settings_routes, sessions, devices, findings, webrtc, memory)
    for part in (*rest, mask_socket, frame_socket):
        app.include_router(part.router)
    web.mount_viewer(app, settings.web.directory)
    app.add_middleware(
        AccessGate, listen=settings.listen, auth=settings.auth, metrics=services.metrics
    )
    app.add_middleware(web.SecurityHeaders)
    return app


def _lifespan(
    services: Services,
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    """Start the worker and the configured sessions; end them in reverse."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        try:
            services.worker.start()
            settings = services.settings
            pushes = configured_pushes(settings)
            for text, pushed in zip(settings.sources, pushes, strict=True):
                spec = parse_source(text, settings.loop)
                region = parse_region(region_for(settings, spec.kind))
                await services.registry.create(
                    "", spec, pushes=pushed, region=region, is_configured=True
                )
            yield
        finally:
            await services.registry.aclose()
            await services.worker.aclose()

    return lifespan


def _create_services(
    settings: Settings, create_media: MediaFactory, check: SourceCheck, clock: Clock
) -> Services:
    """Make the parts and connect them."""
    metrics = ServiceMetrics()
    worker = WorkerClient(
        settings.worker, deadline_ms=settings.masks.max_age_ms, now_ns=clock.monotonic_ns
    )
    limits = SessionLimits(
        hub=HubLimits(
            max_age_ms=settings.masks.max_age_ms,
            state_interval_ms=settings.masks.state_interval_ms,
            max_unacknowledged=settings.masks.max_unacknowledged,
        ),
        ai=AiLimits(
            late_after_ms=settings.masks.late_after_ms,
            paused_after_ms=settings.masks.paused_after_ms,
        ),
        max_viewers=settings.session.max_viewers,
        findings=_finding_rules(settings.findings),
    )

    def create_session(identity: SessionIdentity) -> Session:
        return Session(
            identity,
            limits=limits,
            worker=worker,
            create_media=create_media,
            clock=clock,
            metrics=metrics,
        )

    registry = SessionRegistry(
        create_session,
        check_source=check,
        admission=lambda: admission_of(
            settings.session.max_sessions, worker.capacity, worker.status
        ),
        metrics=metrics,
    )
    _watch_gauges(metrics, registry, worker)
    return Services(settings=settings, registry=registry, worker=worker, metrics=metrics)


def _finding_rules(settings: FindingSettings) -> FindingRules:
    """Return the rules of sessions that choose none of their own."""
    return FindingRules(
        PersistenceRule(settings.window_ms, settings.share),
        gap_ms=settings.gap_ms,
        max_findings=settings.max_findings,
        outline=settings.outline,
    )


def _media_factory(settings: Settings, clock: Clock) -> MediaFactory:
    """Make real pipelines."""
    connect = settings.connect
    options = SourceOptions(
        demo=DemoSettings(**settings.demo.model_dump()),
        retry=RetryLimits(**connect.model_dump(exclude={"rtsp_transport"})),
        rtsp_transport=connect.rtsp_transport,
    )

    def create(order: MediaOrder) -> Media:
        encoders = Encoders(settings.encoder)
        pipeline = MediaPipeline(
            order.spec,
            model_size=MODEL_SIZE,
            mailbox=order.mailbox,
            clock=clock,
            on_state=order.events.on_state,
            on_discontinuity=order.events.on_discontinuity,
            on_arrival=order.events.on_arrival,
            options=options,
            encoders=encoders,
            region=order.region,
            view=ViewLimits(
                is_checked=is_view_checked(settings, order.spec.kind),
                frozen_after_ms=settings.view.frozen_after_ms,
                remembers_poor=settings.view.remembers_poor,
            ),
            on_sight=order.events.on_sight,
        )
        burned = BurnedStream(
            pipeline.relay,
            order.masks,
            clock=clock,
            encoders=encoders,
            mask_wait_ms=settings.burn_in.mask_wait_ms,
        )
        return Media(
            pipeline,
            WhepViewers(pipeline.relay, order.events.on_origin, burned.relay),
            SessionOutputs(pipeline.relay, burned, order.pushes, clock),
        )

    return create


def source_check(settings: Settings) -> SourceCheck:
    """Return the check of sources, which reaches cameras as their sessions will."""
    connect = settings.connect
    return partial(check_source, transport=connect.rtsp_transport, timeout_s=connect.open_timeout_s)


def configured_pushes(settings: Settings) -> list[tuple[PushTarget, ...]]:
    """Return where each of the configured sources is pushed to.

    Raises:
        ConfigurationError: There are more addresses than sources.
        PushRefusedError: An address cannot be used.
    """
    urls, sources = settings.push.urls, settings.sources
    if len(urls) > len(sources):
        raise ConfigurationError(
            f"{len(urls)} addresses to push to, but {len(sources)} sources; they go in pairs"
        )
    pushes = [(parse_push(url, settings.push.overlay),) for url in urls]
    return [*pushes, *[()] * (len(sources) - len(urls))]


def _watch_gauges(metrics: ServiceMetrics, registry: SessionRegistry, worker: WorkerClient) -> None:
    """Let the metrics read what is counted elsewhere."""
    metrics.watch_gauge("sali_sessions", "Sessions that are open.", lambda: len(registry.sessions))
    metrics.watch_gauge(
        "sali_viewers",
        "Viewers of all sessions.",
        lambda: sum(session.peers.viewers for session in registry.sessions),
    )
    metrics.watch_gauge(
        "sali_encoders",
        "Encoders at work; 0 while all viewers get the sources' own packets.",
        lambda: sum(session.pipeline.encoders for session in registry.sessions),
    )
    metrics.watch_gauge(
        "sali_mask_readers",
        "Open mask WebSockets.",
        lambda: sum(session.hub.readers for session in registry.sessions),
    )
    metrics.watch_gauge(
        "sali_tracks",
        "Polyps followed at the moment, told as findings or not.",
        lambda: sum(session.findings.tracks for session in registry.sessions),
    )
    metrics.watch_gauge(
        "sali_worker_ready",
        "1 while a worker is warm.",
        lambda: float(worker.status.state is WorkerState.READY),
    )
    metrics.watch_gauge(
        "sali_capacity_sessions",
        "Sessions the AI serves well, as measured; 0 where not even one gets every frame.",
        lambda: worker.capacity.sessions if worker.capacity else nan,
    )
    metrics.watch_gauge(
        "sali_worker_memory_bytes",
        "Memory that the AI process holds.",
        lambda: _or_nan(worker.pong.memory_bytes if worker.pong else None),
    )
    metrics.watch_gauge(
        "sali_device_memory_bytes",
        "GPU memory that the AI process holds; not a number without a GPU.",
        lambda: _or_nan(worker.pong.device_memory_bytes if worker.pong else None),
    )
    metrics.watch_gauge(
        "sali_sources_interrupted",
        "Sessions whose source is not playing.",
        lambda: sum(s.pipeline.state is not SourceState.PLAYING for s in registry.sessions),
    )
    metrics.watch_process("sali_worker", lambda: worker.pid)
    metrics.tell("sali_build_info", "The version that runs.", lambda: {"version": VERSION})
    metrics.tell("sali_model_info", "The model that runs.", lambda: _model_facts(worker))
    metrics.watch_counter(
        "sali_worker_restarts", "Workers started in place of a lost one.", lambda: worker.restarts
    )


def _or_nan(value: float | None) -> float:
    return nan if value is None else value


def _model_facts(worker: WorkerClient) -> dict[str, str]:
    """What a worker said of itself; empty before one did."""
    hello = worker.hello
    if hello is None:
        return {}
    return {
        "name": hello.name,
        "profile": hello.profile,
        "device": hello.device,
        "engine": hello.engine,
    }
