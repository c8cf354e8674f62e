"""The oracle: whatever people do and whatever breaks, four ways to the same state of the service give the same state.

The read models as they were folded batch by batch, the read models rebuilt from position 0, the aggregates replayed
event by event, and what clients hold that have only ever heard publications.
"""

import asyncio
import itertools
import os
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from typing import Any, TypeVar

import asyncpg
import pytest
from eventsourcing.domain import OriginatorVersionError
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.errors import Flaky
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from centrifugo.publisher import Publication
from postgres.embedded import EmbeddedPostgres
from projections.readmodels.projection import BatchMemberships, MembershipChange
from tests.conftest import database_named
from tests.support.oracle.acts import NAMES, PROCESSES, Act, crowds, numbers
from tests.support.oracle.service import Process, Service

EXAMPLES = int(os.environ.get("ORACLE_EXAMPLES", "5"))
"""Lives of the service: a few in `make test`, many in `make soak`."""

STEPS = 12
T = TypeVar("T")


class Life(RuleBasedStateMachine):
    """Of one service, on a database of its own."""

    postgres: EmbeddedPostgres
    template: str

    def __init__(self) -> None:
        super().__init__()
        self._runner = asyncio.Runner()
        self._name = f"oracle_{next(numbers)}"
        self._acted = False  # since the last time that something broke, or everything was looked at

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(work)

    def _act(self, acts: list[Act]) -> None:
        self._acted = True
        self._run(self.service.do(acts))

    async def _on_server(self, sql: str) -> None:
        server = await asyncpg.connect(self.postgres.dsn)
        await server.execute(sql)
        await server.close()

    @initialize()
    def begin(self) -> None:
        self._run(self._on_server(f"CREATE DATABASE {self._name} TEMPLATE {self.template}"))
        self.service = Service(database_named(self._name, self.postgres))
        self._run(self.service.start())
        self._run(self.service.do([("open", 0, room, room) for room in range(len(NAMES))]))

    @rule(acts=crowds)
    def people_act(self, acts: list[Act]) -> None:
        self._act(acts)

    @rule(
        acts=crowds,
        process=st.integers(0, PROCESSES - 1),
        moment=st.sampled_from([b"BEGIN", b"lock_and_look", b"record_events", b"COMMIT"]),
        delivered=st.booleans(),
    )
    def a_process_loses_the_database_while_people_act(
        self, acts: list[Act], process: int, moment: bytes, delivered: bool
    ) -> None:
        wire = self.service.processes[process].wire
        wire.cut_at, wire.deliver = moment, delivered
        self._act(acts)
        wire.cut_at = None

    @precondition(lambda self: self._acted)
    @rule(process=st.integers(0, PROCESSES - 1))
    def a_process_is_restarted(self, process: int) -> None:
        self._acted = False

        async def restart() -> None:
            await self.service.processes[process].stop()
            self.service.processes[process] = Process(database_named(self._name, self.postgres))
            await self.service.processes[process].start()

        self._run(restart())

    @precondition(lambda self: self._acted)
    @rule()
    def the_fanout_is_restarted(self) -> None:
        self._acted = False
        self._run(self.service.restart_fanout())

    @precondition(lambda self: self._acted)
    @rule()
    def the_fanout_loses_the_database(self) -> None:
        self._acted = False
        kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'onrecord fan-out'"
        self._run(self.service.store.database.execute(f"{kill} AND datname = current_database()"))

    @precondition(lambda self: self._acted)
    @rule(every=st.integers(2, 4))
    def the_realtime_server_takes_only_some(self, every: int) -> None:
        self._acted = False
        calls = itertools.count(1)

        def fails(_: Publication) -> bool:
            return next(calls) % every == 0

        self.service.server.unavailable = fails

    @rule(acts=crowds)
    def the_read_models_are_rebuilt_while_people_act(self, acts: list[Act]) -> None:
        async def both() -> None:
            await asyncio.gather(self.service.rebuild(), self.service.do(acts))

        self._acted = True
        self._run(both())

    @precondition(lambda self: self._acted)
    @rule()
    def everything_agrees(self) -> None:
        self._acted = False
        self._run(self.service.check())

    def teardown(self) -> None:
        if not hasattr(self, "service"):
            return
        try:
            self._run(self.service.check())
        finally:
            self._run(self.service.stop())
            self._run(self._on_server(f"DROP DATABASE {self._name} WITH (FORCE)"))
            self._runner.close()


@pytest.fixture
def lives(postgres: EmbeddedPostgres, template_database: str, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Lives some lives, in small pages and short rounds. Raises what is found."""
    monkeypatch.setattr("projections.fanout.worker.REBALANCE_S", 0.05)
    monkeypatch.setattr("replay.rebuild.fold.PAGE", 7)
    monkeypatch.setattr("replay.rebuild.rebuild.RETRY_S", 0.01)
    Life.postgres, Life.template = postgres, template_database
    chosen = settings(
        max_examples=EXAMPLES,
        stateful_step_count=STEPS,
        derandomize="ORACLE_EXAMPLES" not in os.environ,
        database=None,
        phases=[Phase.generate],  # an example takes a second: what fails is told as it came, not made smaller
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    return lambda: run_state_machine_as_test(Life, settings=chosen)


@pytest.mark.timeout(max(300, EXAMPLES * 30))
def test_incremental_rebuilt_replayed_and_heard_are_one(lives: Callable[[], None]) -> None:
    lives()


add_to_stays = BatchMemberships.add


def forget_who_has_just_come(stays: BatchMemberships, move: MembershipChange) -> None:
    """A planted bug: a user who joins and leaves within one batch remains a member."""
    add_to_stays(stays, move)
    stays._current.clear()


async def folds_nothing(*_: Any, **__: Any) -> AsyncIterator[tuple[int, int]]:
    """A bug in a rebuild: what is left when the lock is taken is forgotten."""
    pages: Sequence[tuple[int, int]] = ()
    for page in pages:
        yield page


PLANTED: dict[str, tuple[str, Any]] = {
    "incremental": ("projections.readmodels.projection.BatchMemberships.add", forget_who_has_just_come),
    "rebuilt": ("replay.rebuild.fold.Fold.between", folds_nothing),
    # An aggregate that holds what was never recorded, since the append failed, is decided on.
    "replayed": ("eventstore.aggregates.Slot.forget", lambda _: None),
    # Who is told of an event is who is a member now, not who was one then.
    "heard": (
        "projections.fanout.audience.MEMBERS_AT",
        "SELECT user_id FROM memberships WHERE room_id = $1 AND $2 > 0 AND left_version IS NULL AND user_id % $3 = $4",
    ),
}
"""A bug in each of the four: where, and what is there instead."""

FINDINGS = (AssertionError, OriginatorVersionError, asyncpg.IntegrityConstraintViolationError, Flaky)
"""A fold that stops loudly is a finding. Flaky is one that did not come again: crashes depend on time as well."""


@pytest.mark.skipif("ORACLE_EXAMPLES" not in os.environ, reason="takes a while: make soak")
@pytest.mark.timeout(max(300, EXAMPLES * 30))
@pytest.mark.parametrize("way", PLANTED)
def test_a_planted_bug_is_found(lives: Callable[[], None], monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    place, instead = PLANTED[way]
    monkeypatch.setattr(place, instead)
    with pytest.raises(FINDINGS):
        lives()
