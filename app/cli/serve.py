"""`trackside serve`: the server, from its first line of output to its last."""

import asyncio
import ipaddress
import logging
import os
import socket
import sys
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from pydantic import ValidationError

from app import logs
from app.cli.launcher import offer
from app.cli.owner import watch
from app.domain.errors import AppError, ErrorCode
from app.main import Application
from app.settings import LogFormat, LogLevel, Settings
from app.transport.server import Server, configuration

log = logging.getLogger(__name__)

_BACKLOG: Final = 2048

PANEL: Final = "Every option can be set in the environment as well: --data-dir is TRACKSIDE_DATA_DIR."

app = typer.Typer()


@app.command(
    epilog=PANEL + "\n\n\b\nExamples:\n  trackside serve\n  trackside serve --port 0 --data-dir ./state\n"
    "  trackside serve --database-url postgresql://trackside@db/trackside"
)
def serve(
    host: Annotated[str | None, typer.Option(help="Address to bind (127.0.0.1).")] = None,
    port: Annotated[int | None, typer.Option(help="Port to bind; 0 picks a free one (8642).")] = None,
    data_dir: Annotated[
        Path | None, typer.Option(help="Where the server keeps its files (~/.local/state/trackside).")
    ] = None,
    database_url: Annotated[
        str | None,
        typer.Option(help="sqlite:///PATH or postgresql://USER@HOST/NAME (a file in the data directory)."),
    ] = None,
    events_url: Annotated[
        str | None,
        typer.Option(help="What carries wake-ups between servers: redis:// or postgresql:// (memory://)."),
    ] = None,
    slots: Annotated[
        int | None, typer.Option(help="How many workers run at once (twice the processors).")
    ] = None,
    host_name: Annotated[
        str | None, typer.Option(help="What people call this machine (its own name).")
    ] = None,
    host_labels: Annotated[
        str | None, typer.Option(help="What sets this machine apart, separated by commas.")
    ] = None,
    allowed_hosts: Annotated[
        str | None, typer.Option(help="Host names that requests may name, separated by commas.")
    ] = None,
    allowed_origins: Annotated[
        str | None, typer.Option(help="Origins whose pages may send requests, separated by commas.")
    ] = None,
    log_format: Annotated[
        LogFormat | None, typer.Option(help="For people or for programs (console).")
    ] = None,
    log_level: Annotated[
        LogLevel | None,
        typer.Option(case_sensitive=False, help="The least urgent lines that are logged (INFO)."),
    ] = None,
) -> None:
    """Run the server until it is told to stop. Prints `trackside: serving URL` when it is ready.

    SIGTERM and Ctrl-C drain it: no new work, what is under way is finished, subscribers are told. Workers go on, and the
    next server on the same data directory takes them up.
    """
    given: dict[str, Any] = {
        "host": host,
        "port": port,
        "data_dir": data_dir,
        "database_url": database_url,
        "events_url": events_url,
        "slots": slots,
        "host_name": host_name,
        "host_labels": host_labels,
        "allowed_hosts": allowed_hosts,
        "allowed_origins": allowed_origins,
        "log_format": log_format,
        "log_level": log_level,
    }
    try:
        settings = Settings(**{name: value for name, value in given.items() if value is not None})
        logs.configure(as_json=settings.log_format is LogFormat.JSON, level=settings.log_level.value)
        watch(os.environ, settings.data_dir)
        asyncio.run(_serve(settings))
    except ValidationError as error:
        for problem in error.errors():
            name = "_".join(map(str, problem["loc"])) or "settings"
            typer.echo(f"Error [INVALID_INPUT]: {name}: {problem['msg']}", err=True)
        raise typer.Exit(2) from None
    except AppError as error:
        typer.echo(f"Error [{error.code}]: {error.message}", err=True)
        if error.suggestion:
            typer.echo(f"  Try: {error.suggestion}", err=True)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


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
