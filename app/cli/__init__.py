"""The command line program."""

import typer

from app.cli.exit_codes import table
from app.cli.lazy import MODULES, LazyGroup, placeholder

root = typer.Typer(
    name="trackside",
    cls=LazyGroup,
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # shows local variables, among them tokens
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="\b\nExit statuses:\n" + table(),
)
for _name, (_, _help) in MODULES.items():
    root.command(_name, help=_help)(placeholder)


@root.callback()
def options() -> None:
    """A control plane for fleets of coding agents, spoken to in GraphQL.

    \b
      trackside demo                                see it at work
      trackside run plan.md --command 'make check'  carry out a plan
      trackside serve                               a server that stays; the other commands find it
    """


def main() -> None:
    root(prog_name="trackside")
