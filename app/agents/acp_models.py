"""Which model and mode an ACP agent's session has, and asking it for others."""

from collections.abc import Iterator
from typing import Any

from acp.client.connection import ClientSideConnection
from acp.schema import SessionConfigOptionSelect, SessionConfigSelectGroup

from app.agents.acp_sessions import Session
from app.agents.reporting import Reporter


class NotOffered(Exception):
    """Words for the person who asked for it."""


async def choose(
    connection: ClientSideConnection,
    session: Session,
    *,
    model: str | None,
    mode: str | None,
    reporter: Reporter,
) -> str | None:
    """Put the session into the mode, ask for the model, and return the model that it has then."""
    if mode is not None:
        await _set_mode(connection, session, mode)
    option = model_option(session.offered.config_options)
    if option is None:
        if model is not None:
            reporter.noted(f"This agent lets nobody choose its model: {model} was not asked for.")
        return None
    if model is None or model == option.current_value:
        return option.current_value
    offered = dict(_offered(option))
    value = model if model in offered else {name: value for value, name in offered.items()}.get(model)
    if value is None:
        raise NotOffered(f"The agent has no model {model!r}. It has: {', '.join(offered)[:2_000]}.")
    await connection.set_config_option(config_id=option.id, session_id=session.id, value=value)
    return value


def model_option(options: Any) -> SessionConfigOptionSelect | None:
    for option in options or ():
        if isinstance(option, SessionConfigOptionSelect) and "model" in (option.category, option.id):
            return option
    return None


async def _set_mode(connection: ClientSideConnection, session: Session, mode: str) -> None:
    modes = session.offered.modes
    offered = [one.id for one in modes.available_modes] if modes is not None else []
    if mode not in offered:
        raise NotOffered(f"The agent has no mode {mode!r}. It has: {', '.join(offered) or 'none'}.")
    await connection.set_session_mode(mode_id=mode, session_id=session.id)


def _offered(option: SessionConfigOptionSelect) -> Iterator[tuple[str, str]]:
    for one in option.options:
        if isinstance(one, SessionConfigSelectGroup):
            yield from ((inner.value, inner.name) for inner in one.options)
        else:
            yield one.value, one.name
