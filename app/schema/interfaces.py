"""What objects of many nouns have in common."""

import strawberry


@strawberry.interface(description="An object with an id of its own.")
class Node:
    id: strawberry.ID = strawberry.field(description="Opaque, with a readable prefix; the same for ever.")
