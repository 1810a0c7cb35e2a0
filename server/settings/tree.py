"""The whole of the settings, and the variables that set them."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel, Field, PrivateAttr
from pydantic_settings import BaseSettings, SettingsConfigDict

from server.settings.auth import AuthSettings
from server.settings.burn_in import BurnInSettings
from server.settings.connect import ConnectSettings
from server.settings.demo import DemoSettings
from server.settings.encoder import EncoderSettings
from server.settings.findings import FindingSettings
from server.settings.ice import IceServer
from server.settings.listen import ListenSettings
from server.settings.log import LogSettings
from server.settings.masks import MaskSettings
from server.settings.push import PushSettings
from server.settings.review import ReviewSettings
from server.settings.session import SessionSettings
from server.settings.traces import TraceSettings
from server.settings.view import ViewSettings
from server.settings.web import WebSettings
from server.settings.worker import WorkerSettings

ENV_PREFIX = "SALI_"
ENV_DELIMITER = "__"


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
    view: ViewSettings = ViewSettings()
    review: ReviewSettings = ReviewSettings()
    encoder: EncoderSettings = EncoderSettings()
    burn_in: BurnInSettings = BurnInSettings()
    push: PushSettings = PushSettings()
    worker: WorkerSettings = WorkerSettings()
    demo: DemoSettings = DemoSettings()
    web: WebSettings = WebSettings()
    log: LogSettings = LogSettings()
    traces: TraceSettings = TraceSettings()

    _origins: dict[str, str] = PrivateAttr(default_factory=dict)

    def note_origins(self, origins: Mapping[str, str]) -> None:
        """Keep where values come from that are not built in, by dotted names; the reader tells."""
        self._origins.update(origins)

    def origin_of(self, name: str) -> str:
        """Tell where a setting's value comes from; `default` where nobody told."""
        return self._origins.get(name, "default")


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
