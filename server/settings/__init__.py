"""What an operator may choose, read once from file and environment; one file for each section.

`SALI_WORKER__DEVICE=cpu` sets `Settings().worker.device`. Every field is described in
docs/configuration.md; a test keeps the two in step. Nothing else in the service reads the
environment.
"""

from server.settings.applies import Applies, applies_of
from server.settings.auth import AuthSettings
from server.settings.burn_in import BurnInSettings
from server.settings.connect import ConnectSettings
from server.settings.demo import DemoSettings
from server.settings.encoder import EncoderSettings
from server.settings.findings import FindingSettings
from server.settings.ice import IceServer
from server.settings.listen import ListenSettings
from server.settings.live import LiveSettings, SettingsChange
from server.settings.load import (
    is_view_checked,
    load_settings,
    load_with_origins,
    refuse_open_listening,
    refuse_unknown_variables,
    region_for,
    setting_paths,
    variable_of,
)
from server.settings.log import LogSettings
from server.settings.masks import MaskSettings
from server.settings.push import PushSettings
from server.settings.review import ReviewSettings
from server.settings.schema import configuration_schema, default_settings
from server.settings.session import SessionSettings
from server.settings.traces import TraceSettings
from server.settings.tree import Settings, known_variables
from server.settings.view import ViewSettings
from server.settings.web import WebSettings
from server.settings.worker import WorkerSettings

__all__ = [
    "Applies",
    "AuthSettings",
    "BurnInSettings",
    "ConnectSettings",
    "DemoSettings",
    "EncoderSettings",
    "FindingSettings",
    "IceServer",
    "ListenSettings",
    "LiveSettings",
    "LogSettings",
    "MaskSettings",
    "PushSettings",
    "ReviewSettings",
    "SessionSettings",
    "Settings",
    "SettingsChange",
    "TraceSettings",
    "ViewSettings",
    "WebSettings",
    "WorkerSettings",
    "applies_of",
    "configuration_schema",
    "default_settings",
    "is_view_checked",
    "known_variables",
    "load_settings",
    "load_with_origins",
    "refuse_open_listening",
    "refuse_unknown_variables",
    "region_for",
    "setting_paths",
    "variable_of",
]
