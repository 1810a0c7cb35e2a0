"""What an operator may choose, read once from the environment.

`SALI_WORKER__DEVICE=cpu` sets `Settings().worker.device`. Every field is described in
docs/configuration.md; a test keeps the two in step. Nothing else in the service reads the
environment.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from server.errors import ConfigurationError

ENV_PREFIX = "SALI_"
ENV_DELIMITER = "__"
MIN_TOKEN_LENGTH = 8


class _Group(BaseModel):
    """A frozen group of settings that refuses names it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ListenSettings(_Group):
    """Where the service listens."""

    host: str = Field(
        default="127.0.0.1",
        description="Address to listen on; any but a loopback one needs a token",
    )
    port: int = Field(default=8000, ge=0, le=65535, description="TCP port; 0 takes a free one")

    @property
    def is_loopback(self) -> bool:
        """Whether only programs on this machine can connect."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


class AuthSettings(_Group):
    """Who may use the service."""

    token: SecretStr | None = Field(
        default=None,
        description=f"Bearer token asked of every /v1 request; {MIN_TOKEN_LENGTH} characters or "
        "more",
    )

    @field_validator("token")
    @classmethod
    def _refuse_weak_token(cls, token: SecretStr | None) -> SecretStr | None:
        """An empty token would read as `no token` in some places and match in others."""
        if token is not None and len(token.get_secret_value()) < MIN_TOKEN_LENGTH:
            msg = f"a token needs {MIN_TOKEN_LENGTH} characters or more"
            raise ValueError(msg)
        return token


class SessionSettings(_Group):
    """How many rooms and viewers are served."""

    max_sessions: int = Field(
        default=0, ge=0, description="Sessions at the same time; 0: as many as are served well"
    )
    max_viewers: int = Field(default=16, ge=1, description="Viewers of one session")


class ConnectSettings(_Group):
    """How cameras and capture devices are connected, and connected again."""

    open_timeout_s: float = Field(
        default=5.0, gt=0, le=60, description="Longest wait for the first picture of a connection"
    )
    stalled_after_s: float = Field(
        default=1.0, gt=0, le=2, description="Silence after which a source is told to be `stalled`"
    )
    silent_after_s: float = Field(
        default=2.0, gt=0, le=60, description="Silence after which a source is connected again"
    )
    first_delay_s: float = Field(
        default=0.5, gt=0, description="Pause before the first attempt to connect again"
    )
    longest_delay_s: float = Field(
        default=5.0, gt=0, description="Longest such pause; it doubles up to this"
    )
    refused_delay_s: float = Field(
        default=30.0, gt=0, description="Pause after a wrong login or a codec we cannot decode"
    )
    max_attempts: int = Field(
        default=0, ge=0, description="Failed attempts in a row that end a source; 0: never"
    )
    rtsp_transport: Literal["auto", "tcp", "udp"] = Field(
        default="auto",
        description="How RTSP packets come; `auto`: TCP, UDP where an H.264 camera refuses that",
    )


class IceServer(_Group):
    """A STUN or TURN server that publishers and viewers are told of."""

    url: str = Field(pattern=r"^(stun|stuns|turn|turns):[\w.:\[\]-]+(\?transport=(udp|tcp))?$")
    username: str = Field(default="", pattern=r"^[\x20\x21\x23-\x5b\x5d-\x7e]*$")
    credential: SecretStr = SecretStr("")

    @field_validator("credential")
    @classmethod
    def _refuse_quotes(cls, credential: SecretStr) -> SecretStr:
        """It is sent as a quoted string of a header."""
        text = credential.get_secret_value()
        if not text.isascii() or not text.isprintable() or '"' in text or "\\" in text:
            msg = "a credential has printable ASCII characters without quotes and backslashes"
            raise ValueError(msg)
        return credential


class MaskSettings(_Group):
    """When a mask is too old, and how masks reach their readers."""

    max_age_ms: int = Field(
        default=250, ge=1, le=250, description="Age at which a mask is no longer sent"
    )
    late_after_ms: int = Field(
        default=300, ge=1, description="Time without an answer after which the AI is `late`"
    )
    paused_after_ms: int = Field(
        default=500, ge=1, description="Time without a frame after which the AI is `paused`"
    )
    state_interval_ms: int = Field(
        default=200, ge=10, le=200, description="Longest silence between two state messages"
    )
    max_unacknowledged: int = Field(
        default=2, ge=1, le=2, description="Mask messages on their way to one reader"
    )


class FindingSettings(_Group):
    """When a polyp is told as a finding."""

    window_ms: int = Field(
        default=240, ge=0, le=2000, description="Time that persistence looks back; 0: no filter"
    )
    share: float = Field(
        default=0.66,
        gt=0,
        le=1,
        description="Share of it in which a polyp must have been found to be told",
    )
    gap_ms: int = Field(
        default=1000, ge=0, le=1000, description="Longest gap over which a polyp stays the same"
    )
    max_findings: int = Field(
        default=100, ge=1, le=1000, description="Findings of one session that are kept"
    )
    outline: Literal["at_once", "confirmed"] = Field(
        default="at_once",
        description="Polyps burned into the video: all at once, or those found for long enough",
    )


class EncoderSettings(_Group):
    """How video is encoded for viewers, where it has to be."""

    kind: Literal["auto", "nvenc", "qsv", "vaapi", "amf", "x264"] = Field(
        default="auto",
        description="Encoder: `auto` takes hardware that works (`nvenc`, `qsv`, `vaapi`, `amf`), "
        "else `x264`",
    )
    preset: Literal["ultrafast", "superfast", "veryfast", "faster"] = Field(
        default="ultrafast", description="x264's preset; slower ones look better at the same rate"
    )
    max_kbps: int = Field(
        default=8000, ge=200, le=100_000, description="Highest rate of an encoded stream, kbit/s"
    )


class BurnInSettings(_Group):
    """The stream with the masks drawn into its pictures."""

    mask_wait_ms: int = Field(
        default=150,
        ge=0,
        le=250,
        description="Longest time a picture waits for its mask; then it goes without",
    )


class PushSettings(_Group):
    """Streams sent to monitors and recorders."""

    urls: tuple[str, ...] = Field(
        default=(),
        description="Where to push the video of the sources, in their order, a JSON list: "
        "`rtsp://`, `rtmp://` or `srt://` URLs",
    )
    overlay: Literal["burned", "clean"] = Field(
        default="burned", description="Whether masks are burned into what is pushed"
    )


class WorkerSettings(_Group):
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


class DemoSettings(_Group):
    """The built-in demo scene."""

    width: int = Field(default=640, ge=64, le=1920, description="Picture width, pixels")
    height: int = Field(default=480, ge=64, le=1080, description="Picture height, pixels")
    fps: float = Field(default=25.0, gt=0, le=60, description="Frames a second")
    seconds: float = Field(default=60.0, gt=0, le=600, description="Length of the loop")
    seed: int = Field(default=7, ge=0, description="Which scene is rendered")
    has_frame_code: bool = Field(
        default=False, description="Draw each frame's number into the picture, for tests"
    )
    cache_dir: Path | None = Field(
        default=None, description="Folder of rendered scenes; by default the user's cache folder"
    )


class WebSettings(_Group):
    """The viewer's files."""

    directory: Path = Field(
        default=Path(__file__).resolve().parent.parent / "client_web" / "dist",
        description="Folder of the built web client",
    )


class LogSettings(_Group):
    """What is written to standard error."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least severity that is written"
    )
    format: Literal["console", "json"] = Field(
        default="console", description="For people, or one JSON object a line"
    )


class Settings(BaseSettings):
    """What an operator may choose."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX, env_nested_delimiter=ENV_DELIMITER, frozen=True, extra="forbid"
    )
    listen: ListenSettings = ListenSettings()
    auth: AuthSettings = AuthSettings()
    sources: tuple[str, ...] = Field(
        default=("demo",),
        description="Sources opened at start, a JSON list: `demo`, `whip`, `frames`, a path, "
        "`/dev/videoN`, an RTSP URL",
    )
    ice_servers: tuple[IceServer, ...] = Field(
        default=(),
        description="STUN and TURN servers told to WebRTC peers, a JSON list of objects with `url` "
        "and, for TURN, `username` and `credential`",
    )
    loop: bool = Field(default=False, description="Whether these files start again at their end")
    region: str = Field(
        default="auto",
        description="Part of the picture that the AI gets: `auto` (the endoscopic picture is "
        "looked for), `full`, or `x,y,width,height` in pixels",
    )
    session: SessionSettings = SessionSettings()
    connect: ConnectSettings = ConnectSettings()
    masks: MaskSettings = MaskSettings()
    findings: FindingSettings = FindingSettings()
    encoder: EncoderSettings = EncoderSettings()
    burn_in: BurnInSettings = BurnInSettings()
    push: PushSettings = PushSettings()
    worker: WorkerSettings = WorkerSettings()
    demo: DemoSettings = DemoSettings()
    web: WebSettings = WebSettings()
    log: LogSettings = LogSettings()


def known_variables() -> dict[str, str]:
    """Return the description of every environment variable by its name."""
    return dict(_variables(Settings, ENV_PREFIX))


def _variables(model: type[BaseModel], prefix: str) -> list[tuple[str, str]]:
    """List the variables of one group and of the groups in it."""
    found: list[tuple[str, str]] = []
    for name, field in model.model_fields.items():
        variable = f"{prefix}{name.upper()}"
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            found += _variables(field.annotation, f"{variable}{ENV_DELIMITER}")
        else:
            found.append((variable, field.description or ""))
    return found


def load_settings(**chosen: Any) -> Settings:
    """Read the settings from the environment, with `chosen` values before it.

    Args:
        chosen: Values of the command line by field name; groups as nested dictionaries.

    Raises:
        ConfigurationError: A value or a name cannot be used; names the variable, never a secret.
    """
    refuse_unknown_variables(os.environ)
    try:
        return Settings(**chosen)
    except ValidationError as exc:
        first = exc.errors(include_input=False, include_url=False)[0]
        name = ENV_PREFIX + ENV_DELIMITER.join(str(part) for part in first["loc"]).upper()
        raise ConfigurationError(f"{name}: {first['msg']}") from exc
    except ValueError as exc:
        raise ConfigurationError(f"the environment cannot be read: {exc}") from exc


def region_for(settings: Settings, source_kind: str) -> str:
    """Return the region of a session that chose none.

    A program that pushes pictures knows what is in them, and would get no masks while the picture
    is looked for: it gets the whole unless the operator chose something.
    """
    is_chosen = "region" in settings.model_fields_set
    return "full" if source_kind == "frames" and not is_chosen else settings.region


def refuse_unknown_variables(environment: Mapping[str, str]) -> None:
    """Refuse a misspelt `SALI_` variable, which would else pass in silence.

    Raises:
        ConfigurationError: A variable starts with the prefix and names no setting.
    """
    known = known_variables()
    groups = set(Settings.model_fields)
    for variable in environment:
        upper = variable.upper()
        if not upper.startswith(ENV_PREFIX) or upper in known:
            continue
        if upper.removeprefix(ENV_PREFIX).lower() in groups:
            continue
        raise ConfigurationError(
            f"unknown environment variable {variable}; see docs/configuration.md"
        )


def refuse_open_listening(settings: Settings) -> None:
    """Refuse to listen beyond this machine without a token.

    Raises:
        ConfigurationError: The address is not a loopback one and no token is set.
    """
    if settings.listen.is_loopback or settings.auth.token is not None:
        return
    raise ConfigurationError(
        f"listening on {settings.listen.host} lets other machines in: set SALI_AUTH__TOKEN, "
        "or listen on 127.0.0.1"
    )
