"""Any program as an agent: it is told by files, what it prints is its log, its exit code is its result."""

from collections.abc import Mapping

from app.agents.assignments import Assignment, Launch, Place


def prepare(assignment: Assignment, place: Place, environment: Mapping[str, str]) -> Launch:
    """Our own three names come last: they hold the worker together, so nothing may set them otherwise."""
    name, _, value = place.tag.partition("=")
    env = {
        **environment,
        **assignment.env,
        name: value,
        "TRACKSIDE_PROMPT_FILE": str(place.prompt_file),
        "TRACKSIDE_INBOX": str(place.inbox),
    }
    return Launch(assignment.argv, assignment.cwd, env)
