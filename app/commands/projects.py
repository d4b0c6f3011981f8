from app import store
from app.commands.audit import Change
from app.store.db import Tx


def create(tx: Tx, *, name: str, root: str) -> Change:
    """`root` is an existing directory, resolved by the caller."""
    project = store.projects.add(tx, name=name, root=root)
    return Change({"project": project.id}, project_id=project.id)
