from contextlib import suppress

from sqlalchemy.exc import IntegrityError

from app.store.db import Tx
from app.store.tables import PipelineRow

ID = "pipeline"


def get(tx: Tx) -> PipelineRow:
    """Whether anything is dispatched; as good as new where nobody has paused it yet."""
    return tx.session.get(PipelineRow, ID) or PipelineRow(id=ID, paused=False)


def lock(tx: Tx) -> PipelineRow:
    if tx.session.get(PipelineRow, ID) is None:
        with suppress(IntegrityError), tx.session.begin_nested():  # another server may just have made it
            tx.session.add(PipelineRow(id=ID, paused=False))
    return tx.session.get_one(PipelineRow, ID, with_for_update=True, populate_existing=True)
