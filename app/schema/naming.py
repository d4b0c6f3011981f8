"""Names of generic types as clients expect them."""

from strawberry.schema.name_converter import NameConverter
from strawberry.types.base import StrawberryObjectDefinition, StrawberryType


class Names(NameConverter):
    """A connection is a connection, whether it counts its whole list or not."""

    def from_generic(
        self, generic_type: StrawberryObjectDefinition, types: list[StrawberryType | type]
    ) -> str:
        return super().from_generic(generic_type, types).replace("UncountedConnection", "Connection")
