"""General Markdown plans: phases as headings, tasks as boxes or as headings."""

from app.domain.plans import Plan, PlanFormat
from app.plans.phased import read_phased
from app.plans.text import Source


def recognises(source: Source) -> bool:
    """Whatever no other format claims, except what is plainly none."""
    name, start = source.name.lower(), source.text[:1000].lstrip()
    return not name.endswith((".json", ".yaml", ".yml")) and not start.startswith("{")


def read(source: Source) -> Plan:
    return read_phased(source, PlanFormat.MARKDOWN)
