"""`__among`: as `__in`, but PostgreSQL gets the list as one parameter. A thousand placeholders cost
the ORM and the driver more than the look-up itself."""

from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db.models import Field
from django.db.models.lookups import In


@Field.register_lookup
class Among(In):
    """Of values that need no adapting there: numbers, texts, UUIDs."""

    lookup_name = "among"

    def as_postgresql(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        values = [value for value in self.rhs if value is not None]
        if not values:
            raise EmptyResultSet
        column, parameters = self.process_lhs(compiler, connection)
        return f"{column} = ANY(%s)", [*parameters, values]
