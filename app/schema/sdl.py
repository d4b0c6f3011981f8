"""The schema as text: sorted, so that a change shows as a change. `schema.graphql` is what this prints.

The served schema is not sorted: Strawberry compares the members of unions and interfaces by identity.
"""

import strawberry
from graphql import lexicographic_sort_schema
from strawberry.printer import print_schema

from app.schema import CONFIG, TYPES, Mutation, Query, Subscription


def text() -> str:
    schema = strawberry.Schema(
        query=Query, mutation=Mutation, subscription=Subscription, types=TYPES, config=CONFIG
    )
    schema._schema = lexicographic_sort_schema(schema._schema)
    return print_schema(schema) + "\n"
