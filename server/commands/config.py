"""`sali config`: which settings hold, where each comes from, and what there is to set."""

from __future__ import annotations

import json
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer(help="Check, show and describe the configuration.", no_args_is_help=True)

ConfigFile = Annotated[
    Path | None,
    typer.Option("--config", help="Configuration file; else SALI_CONFIG, /etc/sali/sali.yaml"),
]
_CHECKOUT = f"{Path(__file__).resolve().parents[2]}/"


@app.command("check")
def check(config: ConfigFile = None) -> None:
    """Read the settings as `sali serve` would; one line and exit status 1 if that fails."""
    from server.app import require_usable
    from server.settings import load_settings

    require_usable(load_settings(config))
    typer.echo("The configuration can be used.")


@app.command("show")
def show(
    config: ConfigFile = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON")] = False,
) -> None:
    """Print every setting, its value and where that comes from; secrets are not shown."""
    from server.settings import load_with_origins
    from server.shown_settings import shown_value

    settings, origins = load_with_origins(config)
    rows = [(name, shown_value(settings, name), origin) for name, origin in origins.items()]
    if as_json:
        shown = {name: {"value": value, "origin": origin} for name, value, origin in rows}
        typer.echo(json.dumps(shown, indent=2))
        return
    width = max(len(name) for name, _, _ in rows)
    for name, value, origin in rows:
        typer.echo(f"{name:<{width}}  {json.dumps(value)}  ({origin})")


@app.command("reload")
def reload(config: ConfigFile = None) -> None:
    """Let the running service read its settings again; tells what holds now and what waits."""
    from server.errors import ConfigurationError
    from server.readiness import ask_own_service, reason_of
    from server.settings import load_settings

    try:
        settings = load_settings(config)
    except ConfigurationError as exc:
        raise ConfigurationError(f"the settings stay as they were: {exc}") from exc
    path = "/v1/settings/reload"
    status, body = ask_own_service(settings.listen, "POST", path, settings.auth.token)
    if status == HTTPStatus.UNAUTHORIZED:
        raise ConfigurationError(
            "the service has another token than the configuration: send it SIGHUP, which asks for "
            "none, or give its own to this command as SALI_AUTH__TOKEN"
        )
    if status != HTTPStatus.OK:
        raise ConfigurationError(reason_of(body) or f"the service answered HTTP {status}")
    change = json.loads(body)
    typer.echo(f"Changed: {', '.join(change['applied']) or 'nothing'}.")
    if change["needs_restart"]:
        typer.echo(f"Restart the service for: {', '.join(change['needs_restart'])}.")


@app.command("schema")
def schema() -> None:
    """Print the JSON Schema of the configuration file; editors complete and check with it."""
    from server.settings import configuration_schema

    typer.echo(json.dumps(configuration_schema(), indent=2))


@app.command("env")
def env() -> None:
    """Print every environment variable with its meaning and default, as comments of a .env file."""
    from server.settings import default_settings, known_variables, setting_paths, variable_of
    from server.shown_settings import shown_value

    descriptions = known_variables()
    defaults = default_settings()
    for path in setting_paths():
        variable = variable_of(path)
        value = shown_value(defaults, ".".join(path))
        typer.echo(f"# {descriptions[variable]}")
        typer.echo(f"#{variable}={_as_variable(value).removeprefix(_CHECKOUT)}")


def _as_variable(value: Any) -> str:
    """Write a value as the environment has it."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)
