"""Settings: which hold, and where each of them comes from."""

import os
from typing import Any

import typer

from app.cli.screen import Screen
from app.cli.session import local_command
from app.cli.settings_options import loaded, with_settings
from app.settings import config_file

app = typer.Typer(no_args_is_help=True, help="Settings: which hold, and where each comes from.")


@app.callback()
def config() -> None:
    """Settings: which hold, and where each comes from."""


@with_settings
def _show(screen: Screen, **given: Any) -> None:
    r"""Every setting that `trackside serve` would have if it were started from here with the same options.

    Secrets are not shown.

    \b
      trackside config show
      trackside config show --config ./trackside.toml --port 0
      trackside config show --output json
    """
    found = loaded(given, os.environ)
    if screen.json:
        screen.document(
            [
                {"name": name, "value": found.shown(name), "from": origin.kind, "at": origin.at}
                for name, origin in found.origins.items()
            ]
        )
        return
    rows = [
        (name, _words(found.shown(name)), f"{origin.kind} {origin.at or ''}".strip())
        for name, origin in found.origins.items()
    ]
    screen.table(("SETTING", "VALUE", "FROM"), rows)


app.command("show")(local_command(_show))


@app.command("path")
@local_command
def show_path(screen: Screen) -> None:
    r"""Where the settings file is looked for.

    \b
      trackside config path
      trackside config path --output json
    """
    path = config_file(os.environ)
    if screen.json:
        screen.document({"path": str(path), "exists": path.exists()})
    else:
        screen.line(str(path))
        if not path.exists():
            screen.note("There is no such file; nothing is read from it.")


def _words(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(value) or "-"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}"
    return "-" if value in (None, "") else str(value)
