"""The answers to all questions of a batch."""

from collections.abc import Sequence
from typing import Any

import asyncpg

from domain.questions import DirectRoomOf, WhatWasSaid, WhichVersions, WhoHasName
from eventstore.inline_projection import Facts
from projections.readmodels.facts.direct import DirectFacts
from projections.readmodels.facts.messages import MessageFacts, VersionFacts
from projections.readmodels.facts.names import NameFacts

KINDS: dict[type[Any], Any] = {
    WhoHasName: NameFacts,
    DirectRoomOf: DirectFacts,
    WhatWasSaid: MessageFacts,
    WhichVersions: VersionFacts,
}
"""What answers each kind of question."""


class BatchFacts:
    """The answers to all questions of a batch, each kind read in one round trip."""

    def __init__(self, by_kind: dict[type[Any], Facts]) -> None:
        self._by_kind = by_kind

    @classmethod
    async def read(cls, questions: Sequence[Any], connection: asyncpg.Connection) -> Facts:
        """The caller holds the append lock."""
        asked: dict[type[Any], list[Any]] = {}
        for question in questions:
            asked.setdefault(type(question), []).append(question)
        return cls({kind: await KINDS[kind].read(each, connection) for kind, each in asked.items()})

    def answer(self, question: Any) -> Any:
        """The answer as of the last event added."""
        return self._by_kind[type(question)].answer(question)

    def add(self, event: Any) -> None:
        """Every kind of answer may change."""
        for facts in self._by_kind.values():
            facts.add(event)
