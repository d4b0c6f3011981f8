"""The pages about settings: those of a server, and those of a project."""

import shlex
from enum import StrEnum
from typing import Any, Final

from app.agent_settings import AgentSettings
from app.domain.agents import PRESETS
from app.domain.project_settings import FLAGS, Flag, FlagKind
from app.settings import Settings
from tests.contract import reference_cli
from tests.contract.pages import page, table

DEFAULTS: Final = {
    "host_name": "the machine's name",
    "data_dir": "`~/.local/state/trackside`, or `trackside` below `XDG_STATE_HOME`",
    "database_url": "`trackside.db` in the data directory",
    "token": "made at the first start",
    "slots": "twice the processors, at least 4",
}
"""Where the default is not the same everywhere, or is no value."""


def settings() -> str:
    flags = reference_cli.flags_of("serve")
    rows = [
        (
            f"`TRACKSIDE_{name.upper()}`",
            _flag(flags.get(name)),
            _default(name, field),
            _values(field),
            field.description,
        )
        for name, field in Settings.model_fields.items()
    ]
    assert not {field.description for field in Settings.model_fields.values()} & {None, ""}
    return page(
        "Settings",
        "What an operator may set. A flag of `trackside serve` comes before the variable in the environment, that before the "
        "settings file, and that before the default; `trackside config show` says what holds and where it comes from. Lists are "
        "separated by commas.",
        "The settings file is TOML: the file that `--config` or `TRACKSIDE_CONFIG` names, else `trackside/config.toml` in "
        "`XDG_CONFIG_HOME`, or in `~/.config`. Settings are named there in small letters and without `TRACKSIDE_`: "
        '`data_dir = "/var/lib/trackside"`, `allowed_hosts = ["trackside.example"]`. A name that is not in the table is '
        "refused.",
        table(("variable", "flag", "default", "values", "what it is"), rows),
        "`TRACKSIDE_HEARTBEAT_TIMEOUT_SECONDS` is at least twice `TRACKSIDE_HEARTBEAT_SECONDS`.",
        "## Agents",
        "A table of the settings file for each, `[agents.NAME]`; NAME is what tasks call it by. Of an agent that Trackside "
        "knows, what is left out is as in the second table. [Add an agent](../howto/add-an-agent.md) has examples.",
        table(
            ("key", "what it is"),
            [(f"`{name}`", field.description) for name, field in AgentSettings.model_fields.items()],
        ),
        table(
            ("agent", "command"), [(f"`{name}`", f"`{shlex.join(argv)}`") for name, argv in PRESETS.items()]
        ),
        "## Of the other commands",
        table(("variable", "flag", "what it is"), CLIENT),
        "## What a worker finds",
        "Beside what the server itself was started with, and what the task or `spawnWorker` adds:",
        table(("variable", "what it is"), WORKER),
        "A variable of the last table cannot be set from outside.",
    )


CLIENT: Final = [
    ("`TRACKSIDE_URL`", "`--url`", "Address of the server; the one of this machine where it is not set."),
    (
        "`TRACKSIDE_TOKEN`",
        "`--token`",
        "The token; the file `token` of the server's data directory where it is not set.",
    ),
    ("`TRACKSIDE_DATA_DIR`", "`--data-dir`", "The data directory of the server that is meant."),
    (
        "`TRACKSIDE_RETRIES`",
        "",
        "How often a request is tried again that nobody answered: 0 to 100; 5 where it is not set.",
    ),
]
WORKER: Final = [
    ("`TRACKSIDE_URL`", "Address of the server, when the worker was started."),
    (
        "`TRACKSIDE_SERVER_FILE`",
        "A file that has the address as it is now: the server may have been started again.",
    ),
    ("`TRACKSIDE_TOKEN`", "The worker's own token, good for its run while it lives."),
    ("`TRACKSIDE_PROJECT_ID`", "Its project."),
    ("`TRACKSIDE_RUN_ID`", "Its run."),
    ("`TRACKSIDE_TASK_ID`", "Its task; empty for a worker beside the DAG."),
    ("`TRACKSIDE_WORKER_ID`", "The worker itself."),
    ("`TRACKSIDE_SKILL`", "The skill it is started with; empty for none."),
    ("`TRACKSIDE_PROMPT_FILE`", "A file with what it is told, Markdown."),
    ("`TRACKSIDE_INBOX`", "A directory in which injected context appears, a file for each item."),
]


def _flag(opts: list[str] | None) -> str:
    return f"`{opts[0]}`" if opts else ""


def _default(name: str, field: Any) -> str:
    if name in DEFAULTS:
        return DEFAULTS[name]
    value = field.default
    if isinstance(value, frozenset):
        return "none"
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def _values(field: Any) -> str:
    bounds = {
        kind: getattr(rule, kind)
        for rule in field.metadata
        for kind in ("ge", "gt", "le")
        if hasattr(rule, kind)
    }
    if "ge" in bounds and "le" in bounds:
        return f"{bounds['ge']:,} to {bounds['le']:,}"
    if "ge" in bounds:
        return f"{bounds['ge']:,} or more"
    if "gt" in bounds:
        return f"more than {bounds['gt']:,}"
    if isinstance(field.annotation, type) and issubclass(field.annotation, StrEnum):
        return ", ".join(f"`{member}`" for member in field.annotation)
    return ""


# ---------------------------------------------------------------- settings of projects


def project_settings() -> str:
    rows = [
        (f"`{flag.camel}`", flag.fallback, _flag_values(flag), flag.description) for flag in FLAGS.values()
    ]
    return page(
        "Settings of projects",
        "What may be set for a project: `configureProject`, or `trackside projects configure`. Where a project says nothing the "
        "[server's setting](settings.md) of the same name holds where there is one, else the default; what a run or its plan says "
        "comes before both. `Project.settings` tells what holds, `Project.flags` also where it comes from, and `trackside projects "
        "show` prints it.",
        table(("setting", "where it is not set", "values", "what it does"), rows),
        "What is for new runs is copied when a run is made: a change leaves the runs that are there as they are, and "
        "`configureRun` changes those. Everything else holds from the next moment on.",
    )


def _flag_values(flag: Flag) -> str:
    return {
        FlagKind.SWITCH: "on or off",
        FlagKind.NUMBER: f"1 to {flag.most:,}",
        FlagKind.CHOICE: ", ".join(f"`{choice}`" for choice in flag.choices or ()),
        FlagKind.RUNTIME: "what a task may run",
    }[flag.kind]
