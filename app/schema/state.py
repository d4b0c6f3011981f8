"""Everything the control plane knows, as one value."""

from typing import Annotated, Final

import strawberry

from app import store
from app.domain.access import Role
from app.schema.context import Info
from app.schema.inputs import given
from app.schema.scalars import Json

ADMINS: Final = frozenset({Role.ADMIN})


@strawberry.type
class StateQuery:
    @strawberry.field(
        description="Everything the control plane knows, as one document, for debugging and export; for ADMIN alone. It holds "
        "the `lines` that `GET /state.ndjson` streams, as many as fit, how many of each type (`counts`), the `cursor` it is "
        "true of, and whether it was `truncated`. Secrets are not in it."
    )
    async def state(
        self,
        info: Info,
        project_id: Annotated[
            strawberry.ID | None,
            strawberry.argument(description="Of this project alone; everything where it is left out."),
        ] = strawberry.UNSET,
    ) -> Json | None:
        context, wanted = info.context, given(project_id)
        context.actor.require(ADMINS)
        if wanted is not None:
            await context.read(store.projects.get, wanted)
        document = await context.read(store.dump.document, project_id=wanted or context.actor.project_id)
        return Json(document)
