"""What every mutation answers."""

from typing import TYPE_CHECKING, Annotated

import strawberry

from app.schema.context import Info
from app.schema.errors import UserError
from app.schema.mutations import Outcome
from app.schema.shapes import shown

if TYPE_CHECKING:
    from app.schema.commands import Command


@strawberry.type(description="What every mutation answers.")
class Payload:
    outcome: strawberry.Private[Outcome]

    @strawberry.field(description="Why nothing was done; empty where it was.")
    def user_errors(self) -> list[UserError]:
        return self.outcome.errors

    @strawberry.field(description="The record of this request in the audit trail.")
    async def command(
        self, info: Info
    ) -> Annotated["Command", strawberry.lazy("app.schema.commands")] | None:
        if not self.outcome.command_id:
            return None
        return shown(await info.context.loaders.commands.load(self.outcome.command_id))
