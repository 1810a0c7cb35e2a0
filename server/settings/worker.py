"""`SALI_WORKER__*`."""

from __future__ import annotations

from pydantic import Field

from server.settings.group import SettingsGroup


class WorkerSettings(SettingsGroup):
    """The process that runs the network."""

    model: str = Field(
        default="sali",
        pattern=r"^[A-Za-z_][\w.-]*(:[A-Za-z_]\w*)?$",
        description="Installed model (`sali`, `image`), or the `module:function` that makes one",
    )
    weights: str = Field(
        default="small-demo", min_length=1, description="Name of known weights, or a file's path"
    )
    device: str = Field(default="auto", min_length=1, description="`auto`, `cpu`, `cuda`, `cuda:1`")
    threads: int = Field(
        default=0, ge=0, description="CPU threads of the network; 0: every core but one"
    )
    max_batch: int = Field(
        default=64, ge=1, description="Most sessions computed in one step, where that is faster"
    )
    nominal_fps: float = Field(
        default=25.0, gt=0, le=120, description="Pictures a second a session is reckoned with"
    )
    serve_within_ms: int = Field(
        default=100,
        ge=1,
        description="Time within which 99 of 100 pictures are to be computed, to be served well",
    )
    headroom: float = Field(
        default=0.2, ge=0, lt=1, description="Share of the device's time that is kept free"
    )
    measure_s: float = Field(
        default=2.0, gt=0, le=60, description="Time to measure at start how long steps take"
    )
    start_timeout_s: float = Field(
        default=180.0, gt=0, description="Longest time to load the weights and warm up"
    )
    step_timeout_s: float = Field(
        default=2.0, gt=0, description="Time without progress after which a busy worker is killed"
    )
    ping_interval_ms: int = Field(default=100, ge=10, description="Pause between two pings")
    ping_timeout_ms: int = Field(
        default=250, ge=20, description="Silence after which an idle worker is killed"
    )
    restart_delay_ms: int = Field(default=250, ge=1, description="First pause before a restart")
    restart_delay_max_ms: int = Field(
        default=10_000, ge=1, description="Longest pause before a restart; it doubles up to this"
    )
    max_start_failures: int = Field(
        default=5, ge=1, description="Failed starts in a row after which no more are tried"
    )
