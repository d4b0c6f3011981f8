"""What a worker is told about its task."""

from collections.abc import Sequence


def compose(key: str | None, title: str, description: str, subtasks: Sequence[tuple[str, bool]] = ()) -> str:
    """Markdown: the task as a heading, its description, its subtasks as boxes."""
    parts = [f"# {key}: {title}" if key else f"# {title}"]
    if description:
        parts.append(description)
    if subtasks:
        parts.append("\n".join(f"- [{'x' if done else ' '}] {text}" for text, done in subtasks))
    return "\n\n".join(parts) + "\n"
