"""Tokens: who may speak to the control plane, and what as."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Final, Self

import strawberry

from app import commands, store
from app.domain import limits
from app.domain.access import ADMINS
from app.schema.connections import After, Before, Connection, First, Last, connect, window
from app.schema.context import Info
from app.schema.enums import Role
from app.schema.inputs import IDEMPOTENCY_KEY, REASON, given, optional
from app.schema.interfaces import Node
from app.schema.mutations import Write, act
from app.schema.payloads import Payload
from app.schema.shapes import shape_of, shown
from app.store.paging import Key
from app.store.token_tables import TokenRow

if TYPE_CHECKING:
    from app.schema.projects import Project
    from app.schema.runs import Run
    from app.schema.workers import Worker

NEWEST_FIRST: Final = [Key(TokenRow.id, True)]
_RESERVED: Final = ("trackside", "worker:", "runner:")
"""Names that the audit trail uses for others."""


@shape_of(TokenRow)
@strawberry.type(
    description="A credential that was made for somebody; what workers are started with is not among them. "
    "Only ADMINs see tokens."
)
class Token(Node):
    row: strawberry.Private[TokenRow]
    name: str = strawberry.field(description="Who or what it is for; stands as the actor in the audit trail.")
    role: Role = strawberry.field(description="What it may do.")
    created_at: datetime = strawberry.field(description="When it was made.")
    expires_at: datetime | None = strawberry.field(
        description="When it stops being good by itself; null for never."
    )
    revoked_at: datetime | None = strawberry.field(description="When it was revoked.")
    last_used_at: datetime | None = strawberry.field(
        description="When it was last used, to the minute; null where it never was."
    )

    @classmethod
    def of(cls, row: TokenRow) -> Self:
        return cls(
            row=row,
            id=strawberry.ID(row.id),
            name=row.name,
            role=Role(row.role),
            created_at=row.created_at,
            expires_at=row.expires_at,
            revoked_at=row.revoked_at,
            last_used_at=row.last_used_at,
        )

    @strawberry.field(description="The project it is for; null where it is good for every one.")
    async def project(
        self, info: Info
    ) -> Annotated["Project", strawberry.lazy("app.schema.projects")] | None:
        id = self.row.project_id
        return shown(await info.context.loaders.projects.load(id)) if id is not None else None

    @strawberry.field(description="The run it is for, where it is for one.")
    async def run(self, info: Info) -> Annotated["Run", strawberry.lazy("app.schema.runs")] | None:
        id = self.row.run_id
        return shown(await info.context.loaders.runs.load(id)) if id is not None else None

    @strawberry.field(description="The worker it is for, where it is for one.")
    async def worker(self, info: Info) -> Annotated["Worker", strawberry.lazy("app.schema.workers")] | None:
        id = self.row.worker_id
        return shown(await info.context.loaders.workers.load(id)) if id is not None else None


@strawberry.type
class TokenQuery:
    @strawberry.field(
        description="The tokens that were made, newest first, revoked ones among them; for ADMINs. One who is for a "
        "project sees the tokens of that project."
    )
    async def tokens(
        self,
        info: Info,
        first: First = strawberry.UNSET,
        after: After = strawberry.UNSET,
        last: Last = strawberry.UNSET,
        before: Before = strawberry.UNSET,
    ) -> Connection[Token] | None:
        info.context.actor.require(ADMINS)
        return await connect(
            info.context,
            store.tokens.select_all,
            NEWEST_FIRST,
            window(first, after, last, before),
            Token.of,
        )


@strawberry.input(description="A new token. It grants no more than the token that it is made with.")
class CreateTokenInput:
    name: str = strawberry.field(
        description="Who or what it is for; stands as the actor in the audit trail. `trackside` and what begins with "
        "`worker:` or `runner:` is taken."
    )
    role: Role = strawberry.field(description="What it may do. RUNNER tokens cannot be made.")
    project_id: strawberry.ID | None = optional(
        "The one project it is good for; the caller's own where it is for one, else every project."
    )
    run_id: strawberry.ID | None = optional("The run it is for: of an ORCHESTRATOR.")
    worker_id: strawberry.ID | None = optional(
        "The worker it is for: of a WORKER, or of an ORCHESTRATOR, which then steers that worker's run. It ends with "
        "the worker."
    )
    expires_at: datetime | None = optional("When it stops being good; never where it is left out.")
    idempotency_key: str | None = optional(IDEMPOTENCY_KEY)


@strawberry.input(description="A token to take back.")
class RevokeTokenInput:
    token_id: strawberry.ID = strawberry.field(description="Which one.")
    reason: str | None = optional(REASON)
    idempotency_key: str | None = optional(IDEMPOTENCY_KEY)


@strawberry.type(description="The answer of a mutation that concerns a token.")
class TokenPayload(Payload):
    made: strawberry.Private[str | None] = None

    async def _row(self, info: Info) -> TokenRow | None:
        id = self.outcome.ref("token")
        return await info.context.loaders.tokens.load(id) if id is not None else None

    @strawberry.field(description="The token as it is now.")
    async def token(self, info: Info) -> Token | None:
        return shown(await self._row(info))

    @strawberry.field(
        description="What to send as `Authorization: Bearer …`. Shown this once: it is kept nowhere, and an idempotency "
        "key that is used again gets null."
    )
    async def secret(self, info: Info) -> str | None:
        row = await self._row(info)
        same = row is not None and self.made is not None and row.digest == store.tokens.digest(self.made)
        return self.made if same else None


@strawberry.type
class TokenMutation:
    @strawberry.mutation(description="Make a token. Its secret is shown in this answer and never again.")
    async def create_token(
        self, info: Info, input: Annotated[CreateTokenInput, strawberry.argument(description="The token.")]
    ) -> TokenPayload | None:
        secret = store.tokens.new_secret()

        def prepare() -> Write:
            return commands.tokens.create, {
                "maker": info.context.actor,
                "digest": store.tokens.digest(secret),
                **_wanted(input),
            }

        return TokenPayload(outcome=await act(info, ADMINS, input, prepare), made=secret)

    @strawberry.mutation(
        description="Take a token back for good. Sockets that were opened with it are closed. Tokens that were made with it "
        "stay as they are."
    )
    async def revoke_token(
        self, info: Info, input: Annotated[RevokeTokenInput, strawberry.argument(description="Which one.")]
    ) -> TokenPayload | None:
        arguments = {"token_id": input.token_id}
        return TokenPayload(
            outcome=await act(info, ADMINS, input, lambda: (commands.tokens.revoke, arguments))
        )


def _wanted(input: CreateTokenInput) -> dict[str, Any]:
    name = limits.name(input.name, "input", "name")
    if name.lower() == _RESERVED[0] or name.lower().startswith(_RESERVED[1:]):
        raise limits.invalid("This name stands for others in the audit trail.", ["input", "name"])
    return {
        "name": name,
        "role": input.role,
        "project_id": given(input.project_id),
        "run_id": given(input.run_id),
        "worker_id": given(input.worker_id),
        "expires_at": given(input.expires_at),
    }
