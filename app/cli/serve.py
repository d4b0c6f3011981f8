"""`trackside serve`: the server, from its first line of output to its last."""

import asyncio
import inspect
import ipaddress
import logging
import os
import socket
import sys
from contextlib import closing
from typing import Any, Final

import typer

from app import logs
from app.cli.launcher import offer
from app.cli.owner import watch
from app.cli.session import help_of
from app.cli.settings_options import loaded, with_settings
from app.domain.errors import AppError, ErrorCode
from app.main import Application
from app.settings import LogFormat, Settings
from app.store import sqlite_versions
from app.transport.server import Server, configuration

log = logging.getLogger(__name__)

_BACKLOG: Final = 2048

PANEL: Final = (
    "Every option can be set in the environment as well (--data-dir is TRACKSIDE_DATA_DIR), or in a file (data_dir = …): "
    "trackside config show."
)

app = typer.Typer()


_EPILOG: Final = (
    PANEL + "\n\n\b\nExamples:\n  trackside serve\n  trackside serve --port 0 --data-dir ./state\n"
    "  trackside serve --database-url postgresql://trackside@db/trackside"
)


@with_settings
def serve(**given: Any) -> None:
    """Run the server until it is told to stop. Prints `trackside: serving URL` when it is ready.

    SIGTERM and Ctrl-C drain it: no new work, what is under way is finished, subscribers are told. Workers go on, and the
    next server on the same data directory takes them up.
    """
    try:
        settings = loaded(given, os.environ).settings
    except AppError as error:
        _complain(error)
        raise typer.Exit(2) from None
    try:
        logs.configure(as_json=settings.log_format is LogFormat.JSON, level=settings.log_level.value)
        if not watch(os.environ, settings.data_dir):
            _advise(settings)
        asyncio.run(_serve(settings))
    except AppError as error:
        _complain(error)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


app.command(help=help_of(inspect.getdoc(serve) or ""), epilog=_EPILOG)(serve)


def _advise(settings: Settings) -> None:
    """For operators; who has a server for one run only need not care."""
    if settings.database.startswith("sqlite") and (words := sqlite_versions.warning()) is not None:
        log.info("%s", words)


def _complain(error: AppError) -> None:
    typer.echo(f"Error [{error.code}]: {error.message}", err=True)
    if error.suggestion:
        typer.echo(f"  Try: {error.suggestion}", err=True)


async def _serve(settings: Settings) -> None:
    application = Application(settings)
    async with application.running():
        offer(settings.data_dir.absolute() / "bin", os.environ)
        # not before: what else uses the data directory is a better reason than what else uses the port
        with closing(_listen(settings.host, settings.port)) as listener:
            url = _url(settings.host, listener)
            if not _is_loopback(settings.host):
                log.warning("%s can be reached from other machines: put a proxy with TLS in front", url)

            async def listening() -> None:
                await application.serving(url)
                typer.echo(f"trackside: serving {url}")
                sys.stdout.flush()

            assert application.asgi is not None
            server = Server(configuration(application.asgi), listening=listening, leaving=application.drain)
            await server.serve(sockets=[listener])


def _listen(host: str, port: int) -> socket.socket:
    """Listens at once: two sockets can be bound to the same port as long as neither does."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(_BACKLOG)
        except OSError:
            listener.close()
            raise
    except OSError as error:
        raise AppError(
            ErrorCode.UNAVAILABLE,
            f"{host}:{port} cannot be bound: {error.strerror or error}.",
            suggestion="Choose another --port; 0 picks a free one.",
        ) from error
    listener.set_inheritable(False)
    return listener


def _url(host: str, listener: socket.socket) -> str:
    """An address that works on this machine, also where the server listens on all of them."""
    port = listener.getsockname()[1]
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
    return f"http://{shown}:{port}"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
