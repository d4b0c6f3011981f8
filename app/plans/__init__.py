"""Plan documents of every format, read into `app.domain.plans.Plan`. A leaf: it imports only the domain."""

from app.domain.plans import Plan, PlanFormat
from app.plans.detect import reader_for, reader_of
from app.plans.text import source

__all__ = ["detect", "read"]


def read(text_or_bytes: str | bytes, *, name: str, format: PlanFormat | None = None) -> Plan:
    """Read a plan. `name` is its path or what else people know it by; refusals start with it.

    Without `format` the name and the text decide. Raises AppError, PLAN_INVALID for what is no plan and
    LIMIT_EXCEEDED for what is too large.
    """
    document = source(text_or_bytes, name=name)
    reader = reader_of(format) if format is not None else reader_for(document)
    return reader.read(document)


def detect(text_or_bytes: str | bytes, name: str) -> PlanFormat:
    return reader_for(source(text_or_bytes, name=name)).format
