"""What an agent is told: about its task, or about the run that it looks after."""

from collections.abc import Sequence


def compose(
    key: str | None,
    title: str,
    description: str,
    subtasks: Sequence[tuple[str, bool]] = (),
    *,
    skill: tuple[str, str] | None = None,
    introduction: str | None = None,
) -> str:
    """Markdown: the name and text of the skill, what its runtime says first, then the task as a heading, its description,
    its subtasks as boxes.
    """
    parts = []
    if skill is not None:
        name, instructions = skill
        parts += [f"# Skill: {name}", instructions.strip(), "---"]
    if introduction:
        parts += [introduction.strip(), "---"]
    parts.append(f"# {key}: {title}" if key else f"# {title}")
    if description:
        parts.append(description)
    if subtasks:
        parts.append("\n".join(f"- [{'x' if done else ' '}] {text}" for text, done in subtasks))
    return "\n\n".join(parts) + "\n"


def supervise(run: str, *, introduction: str | None = None) -> str:
    """Markdown for the agent that looks after a run: what its runtime says first, then what it is there for."""
    first = f"{introduction.strip()}\n\n---\n\n" if introduction else ""
    return f"""{first}# Look after the run: {run}

You are the supervisor of this run. The control plane starts its tasks by itself, within its limits. You watch over it, and
step in where that helps: read what its workers write, give them context, retry, skip or change tasks, pause and resume.

- The API is GraphQL: POST to `$TRACKSIDE_URL/graphql` with the header `Authorization: Bearer $TRACKSIDE_TOKEN`. The token is
  good for this run, `$TRACKSIDE_RUN_ID`, alone. The command line `trackside` finds all three by itself: `trackside status`.
- Say that you are alive, and how you stand, at least every `$TRACKSIDE_HEARTBEAT_SECONDS` seconds, by the mutation
  `heartbeat` or by `trackside heartbeat --state WORKING --activity "what you are doing"`. Whoever is silent for long is ended
  and started again.
- What people want you to read comes as a message, or, where you take none, as files into `$TRACKSIDE_INBOX`.
- When nothing is left to look after, exit with status 0. Any other end counts as a failure, after which you are started again.
"""
