"""The read models that can be folded again from the log."""

from collections.abc import Sequence
from dataclasses import dataclass

from projections.projection import Projection
from projections.rooms import RoomsProjection
from replay.errors import UnknownProjection

ROOM_ID = "room_id"
"""The column of every table here that says which room a row was folded from."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table, and the columns that tell its rows apart."""

    name: str
    key: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReadModel:
    """A projection, and all tables that it writes: they are a function of the log and of nothing else."""

    projection: Projection
    tables: tuple[Table, ...]

    @property
    def name(self) -> str:
        return self.projection.name


READ_MODELS = {
    model.name: model
    for model in (
        ReadModel(
            RoomsProjection(),
            (
                Table("rooms", ("room_id",)),
                Table("memberships", ("room_id", "user_id", "joined_version")),
                Table("messages", ("room_id", "version")),
            ),
        ),
    )
}


def read_models(names: Sequence[str]) -> list[ReadModel]:
    """Those with these names; all for none. Raises UnknownProjection."""
    if unknown := [name for name in names if name not in READ_MODELS]:
        known = ", ".join(READ_MODELS)
        raise UnknownProjection(f"no read model is called {unknown[0]}; there is: {known}")
    return [READ_MODELS[name] for name in names or READ_MODELS]
