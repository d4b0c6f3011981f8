"""Who is asking."""

import strawberry

from app.domain.access import Actor
from app.schema.context import Info
from app.schema.enums import Role


@strawberry.type(description="The caller.")
class Viewer:
    name: str = strawberry.field(description="What its token is called.")
    role: Role = strawberry.field(description="What it may do.")

    @classmethod
    def of(cls, actor: Actor) -> "Viewer":
        return cls(name=actor.name, role=actor.role)


@strawberry.type
class ViewerQuery:
    @strawberry.field(description="Who the caller is, and what it may do.")
    def viewer(self, info: Info) -> Viewer | None:
        return Viewer.of(info.context.actor)
