"""Builds the service and wires its parts; holds no logic."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial

from fastapi import FastAPI

from server.burn_in.stream import BurnedStream
from server.errors import ConfigurationError
from server.findings.persistence import PersistenceRule
from server.http import (
    asyncapi,
    configuration,
    devices,
    findings,
    frame_socket,
    health,
    mask_socket,
    memory,
    reviews,
    sessions,
    web,
    webrtc,
)
from server.http import settings as settings_routes
from server.http.access import AccessGate
from server.http.openapi import (
    LICENSE,
    NOT_A_DEVICE,
    PROBLEM_RESPONSE,
    complete_openapi,
    operation_id,
)
from server.http.problem import install_problem_handlers
from server.http.services import Services
from server.http.settings_reload import SettingsReload
from server.masks.hub import HubLimits
from server.media.clock import Clock, SystemClock
from server.media.demo_source import DemoSettings
from server.media.encoder import Encoders
from server.media.pipeline import MediaPipeline
from server.media.push_target import PushTarget, parse_push
from server.media.reconnect import RetryLimits
from server.media.region import parse_region
from server.media.source import check_source, parse_source
from server.media.source_factory import SourceOptions
from server.media.view_watch import ViewLimits
from server.media.whep import WhepViewers
from server.observability.metrics import ServiceMetrics
from server.observability.traces import create_traces
from server.review.wiring import create_reviews
from server.session.admission import admission_of
from server.session.ai_state import AiLimits
from server.session.findings import FindingRules
from server.session.gauges import watch_gauges
from server.session.identity import SessionIdentity, SessionLimits
from server.session.mask_loop import MODEL_SIZE
from server.session.outputs import SessionOutputs
from server.session.ports import Media, MediaFactory, MediaOrder
from server.session.registry import SessionRegistry, SourceCheck
from server.session.session import Session
from server.settings import (
    FindingSettings,
    LiveSettings,
    Settings,
    is_view_checked,
    refuse_open_listening,
    region_for,
)
from server.version import VERSION
from server.worker.client import WorkerClient


def create_app(
    settings: Settings,
    *,
    read: Callable[[], Settings] | None = None,
    create_media: MediaFactory | None = None,
    check: SourceCheck | None = None,
    clock: Clock | None = None,
) -> FastAPI:
    """Build the service; its worker and its first sessions start with the application.

    The sources of the settings are taken as they are; who starts the service checks them first.

    Args:
        settings: What the operator chose.
        read: Reads that again while the service runs; by default nothing else can be chosen.
        create_media: Makes the media half of a session; real pipelines by default.
        check: Refuses sources without video; the real check by default.
        clock: Time of everything; the machine's by default.

    Raises:
        ConfigurationError: The address to listen on needs a token, or the addresses to push to do
            not go with the sources.
        PushRefusedError: An address to push to cannot be used.
        RegionError: The region cannot be used.
    """
    require_usable(settings)
    clock = clock or SystemClock()
    live = LiveSettings(settings)
    services = _create_services(
        live,
        read or (lambda: settings),
        create_media or _media_factory(live, clock),
        check or (lambda spec: source_check(live.current)(spec)),
        clock,
    )
    app = FastAPI(
        title="SALI Live",
        summary=NOT_A_DEVICE,
        version=VERSION,
        license_info=LICENSE,
        generate_unique_id_function=operation_id,
        responses=PROBLEM_RESPONSE,
        docs_url=None,
        redoc_url=None,
        openapi_url="/v1/openapi.json",
        lifespan=_lifespan(services),
    )
    app.state.services = services
    complete_openapi(app)
    install_problem_handlers(app)
    rest = (
        asyncapi,
        health,
        configuration,
        settings_routes,
        sessions,
        devices,
        findings,
        webrtc,
        memory,
        reviews,
    )
    for part in (*rest, mask_socket, frame_socket):
        app.include_router(part.router)
    web.mount_viewer(app, settings.web.directory)
    app.add_middleware(AccessGate, live=services.live, metrics=services.metrics)
    app.add_middleware(web.SecurityHeaders)
    return app


def require_usable(settings: Settings) -> None:
    """Refuse settings that do not go together.

    Raises:
        ServiceError: Which of them, and why.
    """
    refuse_open_listening(settings)
    configured_pushes(settings)
    parse_region(settings.region)


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
            await services.reviews.aclose()
            await services.registry.aclose()
            await services.worker.aclose()
            if services.traces is not None:
                await asyncio.to_thread(services.traces.close)

    return lifespan


def _create_services(
    live: LiveSettings,
    read: Callable[[], Settings],
    create_media: MediaFactory,
    check: SourceCheck,
    clock: Clock,
) -> Services:
    """Make the parts and connect them."""
    metrics, settings = ServiceMetrics(), live.current
    traces = create_traces(settings.traces, clock.monotonic_ns)
    worker = WorkerClient(
        settings.worker, deadline_ms=settings.masks.max_age_ms, now_ns=clock.monotonic_ns
    )

    def create_session(identity: SessionIdentity) -> Session:
        return Session(
            identity,
            limits=_session_limits(live.current),
            worker=worker,
            create_media=create_media,
            clock=clock,
            metrics=metrics,
            traces=traces,
        )

    registry = SessionRegistry(
        create_session,
        check_source=check,
        admission=lambda: admission_of(
            live.current.session.max_sessions, worker.capacity, worker.status
        ),
        metrics=metrics,
    )
    reviewed = create_reviews(
        live,
        worker=worker,
        rules=lambda: _finding_rules(live.current.findings),
        check=check,
        clock=clock,
        metrics=metrics,
    )
    watch_gauges(metrics, registry, worker)
    metrics.watch_gauge("sali_reviews", "Videos under review.", lambda: len(reviewed.reviews))
    reload = SettingsReload(live, read=read, check=require_usable, metrics=metrics)
    return Services(
        live=live,
        reload=reload,
        registry=registry,
        reviews=reviewed,
        worker=worker,
        metrics=metrics,
        traces=traces,
    )


def _session_limits(settings: Settings) -> SessionLimits:
    """Return the limits of sessions that are opened now."""
    masks = settings.masks
    return SessionLimits(
        hub=HubLimits(
            max_age_ms=masks.max_age_ms,
            state_interval_ms=masks.state_interval_ms,
            max_unacknowledged=masks.max_unacknowledged,
        ),
        ai=AiLimits(late_after_ms=masks.late_after_ms, paused_after_ms=masks.paused_after_ms),
        max_viewers=settings.session.max_viewers,
        findings=_finding_rules(settings.findings),
    )


def _finding_rules(settings: FindingSettings) -> FindingRules:
    """Return the rules of sessions that choose none of their own."""
    return FindingRules(
        PersistenceRule(settings.window_ms, settings.share),
        gap_ms=settings.gap_ms,
        max_findings=settings.max_findings,
        outline=settings.outline,
    )


def _source_options(settings: Settings) -> SourceOptions:
    """Return how sources are opened."""
    connect = settings.connect
    return SourceOptions(
        demo=DemoSettings(**settings.demo.model_dump()),
        retry=RetryLimits(**connect.model_dump(exclude={"rtsp_transport"})),
        rtsp_transport=connect.rtsp_transport,
    )


def _media_factory(live: LiveSettings, clock: Clock) -> MediaFactory:
    """Make real pipelines, each with the settings that hold when its session is opened."""

    def create(order: MediaOrder) -> Media:
        settings = live.current
        encoders = Encoders(settings.encoder)
        pipeline = MediaPipeline(
            order.spec,
            model_size=MODEL_SIZE,
            mailbox=order.mailbox,
            clock=clock,
            on_state=order.events.on_state,
            on_discontinuity=order.events.on_discontinuity,
            on_arrival=order.events.on_arrival,
            options=_source_options(settings),
            encoders=encoders,
            region=order.region,
            view=ViewLimits(
                is_checked=is_view_checked(settings, order.spec.kind),
                frozen_after_ms=settings.view.frozen_after_ms,
                remembers_poor=settings.view.remembers_poor,
                tells_instruments=settings.view.tells_instruments,
            ),
            on_sight=order.events.on_sight,
            on_size=order.events.on_size,
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
