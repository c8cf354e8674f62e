"""What cannot have happened, in a room or in the record of custody."""

from domain.custody import Custody, CustodyEvent
from domain.values import OPERATOR, UserId
from projections.readmodels.inline import LogEvent
from replay.room_rules import Impossible, RoomRules, check_user


class LogRules:
    """The rules of every event of this program, by what it is an event of."""

    def __init__(self) -> None:
        self._rooms = RoomRules()
        self._custody = CustodyRules()

    def apply(self, event: LogEvent) -> None:
        """Take the next event. Raises Impossible."""
        if isinstance(event, Custody.Event):
            self._custody.apply(event)
        else:
            self._rooms.apply(event)


def people(event: LogEvent) -> set[UserId]:
    """The people whom an event names: who acted, and whom a decision, a hold or a request is about."""
    named = {event.actor}
    if isinstance(event, Custody.HoldPlaced | Custody.ErasureRequested) and event.person_id is not None:
        named.add(event.person_id)
    if not isinstance(event, Custody.Event) and event.person is not None:
        named.add(event.person)
    return named - {OPERATOR}


class CustodyRules:
    """What is in force by the record so far: what is not cannot be ended or carried out."""

    def __init__(self) -> None:
        self._record: Custody | None = None

    def apply(self, event: CustodyEvent) -> None:
        """Take the next event. Raises Impossible."""
        for user_id in people(event):
            check_user(user_id)
        try:
            self._record = event.mutate(self._record)
        except Exception as error:  # whatever an aggregate raises that was not asked first
            raise Impossible(f"{event.TOPIC} does not follow from the record before it") from error
