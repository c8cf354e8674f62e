"""Parts of statements: calls of SQL functions, one inside another, which are several steps in the database for one
round trip; and parameters that the planner does not see.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg


@dataclass(frozen=True, slots=True, init=False)
class Call:
    """A call of `function` in the database. An argument may be another call, and is then the result of that."""

    function: str
    arguments: tuple[Any, ...]

    def __init__(self, function: str, *arguments: Any) -> None:
        object.__setattr__(self, "function", function)
        object.__setattr__(self, "arguments", arguments)

    async def fetch(self, connection: asyncpg.Connection) -> Any:
        """Make the call and return the function's result."""
        values: list[Any] = []
        return await connection.fetchval(f"SELECT {self._sql(values)}", *values)

    def _sql(self, values: list[Any]) -> str:
        """The call as SQL, its plain arguments appended to `values`."""
        written = []
        for argument in self.arguments:
            if isinstance(argument, Call):
                written.append(argument._sql(values))
            else:
                values.append(argument)
                written.append(f"${len(values)}")
        return f"{self.function}({', '.join(written)})"


def columns(rows: Sequence[tuple[Any, ...]], width: int) -> list[Sequence[Any]]:
    """Rows of `width` fields as one array per column, for a function that unnests them together.

    A column without any value is empty: `unnest` fills it up, and the driver spends time on each null.
    """
    if not rows:
        return [()] * width
    return [
        column if column[0] is not None or set(column) != {None} else ()  # mostly decided by the first
        for column in zip(*rows, strict=True)
    ]


def unseen(parameter: str) -> str:
    """SQL: a parameter whose value the planner does not see, as `$1::uuid[]`. For statements of many joins and few
    rows: planning them takes several times as long as the answer.

    With its value, a plan for this one call looks a little cheaper than one for all calls, and PostgreSQL makes a new
    one every time.
    """
    return f"(SELECT {parameter})"
