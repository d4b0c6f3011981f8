"""Reading small documents of Spec Kit."""

import textwrap

from app.domain.plans import PlanFormat
from app.plans import read


def spec_kit(text, name="tasks.md"):
    return read(textwrap.dedent(text), name=name, format=PlanFormat.SPEC_KIT)


def waits(plan):
    return {task.key: set(task.depends_on) for task in plan.tasks()}


def told(plan):
    return [(warning.line, warning.message) for warning in plan.warnings]
