"""Commands that are imported when they are used: `trackside runs list` need not wait for a web server to load."""

from importlib import import_module
from typing import Any, Final

import typer
from typer.core import TyperGroup

MODULES: Final[dict[str, tuple[str, str]]] = {
    "run": ("app.cli.run", "Carry out a plan in the current directory, and show it while it goes on."),
    "demo": (
        "app.cli.demo",
        "Watch a small plan of real commands being carried out, in a project made for it.",
    ),
    "serve": ("app.cli.serve", "Run the server until it is told to stop."),
    "config": ("app.cli.config", "Settings: which hold, and where each comes from."),
    "status": ("app.cli.status", "Which server this is, who you are to it, and how much is going on."),
    "dashboard": (
        "app.cli.dashboard",
        "What is going on, at a glance; again whenever anything has happened.",
    ),
    "runs": ("app.cli.runs", "Runs: make them, look at them, pause, resume, stop, retry."),
    "deliverables": ("app.cli.deliverables", "Deliverables: what the phases of a run owe."),
    "tasks": ("app.cli.tasks", "Tasks: look at them, steer them, change the DAG."),
    "subtasks": ("app.cli.subtasks", "Subtasks: the tick-boxes under a task."),
    "findings": ("app.cli.findings", "Findings: documents that are left under a task."),
    "workers": ("app.cli.workers", "Workers: start them, look at them, read what they wrote, end one."),
    "hosts": ("app.cli.hosts", "Hosts: machines that run workers; drain one, let it go on."),
    "attention": ("app.cli.attention", "What waits for a person."),
    "answer": ("app.cli.answer", "Answer a question. Everyone who asked it goes on."),
    "ask": ("app.cli.ask", "Ask people something, wait for the answer, and print it."),
    "inject": ("app.cli.inject", "Give files or text to workers."),
    "context": ("app.cli.context", "Context: what each file would cost an agent to read."),
    "skills": ("app.cli.skills", "Skills: instructions that workers are started with."),
    "progress": ("app.cli.progress", "Say what a worker is doing and how far it is."),
    "heartbeat": ("app.cli.heartbeat", "Say that the agent which looks after a run is alive."),
    "plan": ("app.cli.plan", "Plans: find them, see what Trackside makes of one, import it again."),
    "projects": ("app.cli.projects", "Projects: make a directory known, and see which ones are."),
    "usage": ("app.cli.usage", "What agents have used: tokens and money, by run, task, model and more."),
    "monitor": ("app.cli.monitor", "Follow what happens, one line for each event."),
    "events": ("app.cli.event_log", "The event log: read what happened, follow what happens."),
    "commands": ("app.cli.commands", "The audit trail: who asked for what, and what became of it."),
    "tokens": ("app.cli.tokens", "Tokens: make them, look through them, revoke them."),
    "pipeline": ("app.cli.pipeline", "The pipeline: stop dispatch everywhere, and let it go on."),
    "telemetry": ("app.cli.telemetry", "How the server that answers is doing."),
    "state": ("app.cli.state", "Print everything the control plane knows, a JSON object a line."),
    "schema": ("app.cli.schema", "Print the schema of the API."),
    "graphql": ("app.cli.graphql", "Send any request to the API."),
}
"""Each command's module, which has its Typer app as `app`, and its line in the list of commands."""

_OF_THE_ROOT: Final = frozenset({"install_completion", "show_completion"})


class LazyGroup(TyperGroup):
    """Lists placeholders; the real command takes over when one is called."""

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        name, command, rest = super().resolve_command(ctx, args)
        if name in MODULES:
            command = typer.main.get_command(import_module(MODULES[name][0]).app)
            command.name = name
            command.params = [one for one in command.params if one.name not in _OF_THE_ROOT]
            _make_readable(command, ctx)
        return name, command, rest

    def get_params(self, ctx: Any) -> list[Any]:
        params = super().get_params(ctx)
        for one in params:
            _name_value(one)
        return params


def _make_readable(command: Any, ctx: Any) -> None:
    """Its `--help`: Typer's tables cut the names of options where a terminal has 80 columns, plain text does not."""
    for under in getattr(command, "commands", {}).values():
        _make_readable(under, ctx)
    if not hasattr(command, "commands"):
        command.rich_markup_mode = None
    for one in (*command.params, command.get_help_option(ctx)):
        _name_value(one)


def _name_value(one: Any) -> None:
    """A word for what an option takes, where Typer would write out its type with every choice there is."""
    if one.param_type_name == "argument" or one.metavar is not None:
        return
    one.metavar = "" if one.is_flag else (one.name or "").upper()
    if choices := one.type_descriptor.choices:
        one.help = f"{one.help} One of {', '.join(str(getattr(each, 'value', each)) for each in choices)}."


def placeholder() -> None:
    """Stands in for a command in lists."""
