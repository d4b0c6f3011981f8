"""Search as people expect it: part of a text, whatever the case, in any script, the same on both databases."""

from typing import Any

from sqlalchemy import ColumnElement
from sqlmodel import col

from app.store.db import Tx


def contains(tx: Tx, column: Any, wanted: str) -> ColumnElement[bool]:
    """Whether the column holds this text; `%` and `_` mean themselves."""
    if wanted.isascii() and tx.session.get_bind().dialect.name == "sqlite":
        # SQLite's own LIKE folds ASCII, and needs no function of ours for every row
        return col(column).like(f"%{_escaped(wanted)}%", escape="\\")
    return col(column).icontains(wanted, autoescape=True)


def _escaped(wanted: str) -> str:
    return wanted.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
