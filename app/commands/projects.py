from collections.abc import Mapping, Sequence
from typing import Any

from app import store
from app.commands.audit import Change
from app.domain.errors import AppError, ErrorCode
from app.domain.events import EventKind
from app.domain.project_settings import FLAGS
from app.store.db import Tx


def create(tx: Tx, *, name: str, root: str) -> Change:
    """`root` is an existing directory, resolved by the caller. One that is a project already stays the one it is."""
    project = store.projects.at(tx, root) or store.projects.add(tx, name=name, root=root)
    return Change({"project": project.id}, project_id=project.id)


def configure(
    tx: Tx, *, project_id: str, settings: Mapping[str, Any] | None = None, reset: Sequence[str] = ()
) -> Change:
    """Set flags by name; those in `reset` are as the server or the defaults have them again."""
    project = store.projects.lock(tx, project_id)
    settings = settings or {}
    twice = sorted(settings.keys() & set(reset))
    if twice:
        raise AppError(
            ErrorCode.INVALID_INPUT,
            f"{FLAGS[twice[0]].camel} is both set and reset.",
            suggestion="Do one of them.",
            path=["input", "reset"],
        )
    for name, value in settings.items():
        store.project_flags.put(tx, project.id, name, value)
    for name in reset:
        store.project_flags.remove(tx, project.id, name)
    if settings.get("index_files") is False:
        store.context_files.forget(tx, project.id)
    changed = [flag.camel for flag in FLAGS.values() if flag.name in settings or flag.name in reset]
    store.events.append(tx, EventKind.PROJECT_CHANGED, project_id=project.id, changed=changed)
    return Change({"project": project.id}, project_id=project.id)
