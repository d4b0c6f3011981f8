"""General Markdown plans: phases as headings, tasks as boxes or as headings, done in order."""

from app.domain.plans import Plan, PlanFormat
from app.plans.claims import Claims
from app.plans.order import Rules, arrange
from app.plans.phased import read_phased
from app.plans.reading import Reading
from app.plans.text import Source


def recognises(source: Source) -> bool:
    """Whatever no other format claims, except what is plainly none."""
    name, start = source.name.lower(), source.text[:1000].lstrip()
    return not name.endswith((".json", ".yaml", ".yml")) and not start.startswith("{")


def read(source: Source) -> Plan:
    return read_phased(source, PlanFormat.MARKDOWN, _order)


def _order(reading: Reading) -> None:
    """In the order of the document, and behind what a task says that it depends on."""
    claims = Claims(reading)
    claims.of_tasks()
    arrange(reading, claims.found, Rules())
