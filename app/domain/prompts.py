"""What a worker is told about its task."""

from collections.abc import Sequence


def compose(
    key: str | None,
    title: str,
    description: str,
    subtasks: Sequence[tuple[str, bool]] = (),
    *,
    skill: tuple[str, str] | None = None,
) -> str:
    """Markdown: the name and text of the skill, then the task as a heading, its description, its subtasks as boxes."""
    parts = []
    if skill is not None:
        name, instructions = skill
        parts += [f"# Skill: {name}", instructions.strip(), "---"]
    parts.append(f"# {key}: {title}" if key else f"# {title}")
    if description:
        parts.append(description)
    if subtasks:
        parts.append("\n".join(f"- [{'x' if done else ' '}] {text}" for text, done in subtasks))
    return "\n\n".join(parts) + "\n"
