"""What verifications of the whole record found."""

from dataclasses import asdict, dataclass
from typing import Any

from domain.custody.event import CustodyEventBase
from domain.custody.state import CustodyState
from domain.values import UserId


@dataclass(frozen=True, kw_only=True)
class Verification:
    """What a verification of the whole record found. It holds ids and numbers, never what people typed.

    The first `size` events of the tree `origin` were compared, with this `root`, in base64; those beyond the first
    `beyond`, where 0 is the whole. So many `accounts`, `standings` of them and operator `actions` had seals, with the
    last of these seals, in hex, which stands for all of them.

    `findings` counts what did not fit; `places` names the first of it.
    """

    log_id: str
    origin: str
    size: int
    root: str
    beyond: int
    rows: int
    checkpoints: int
    accounts: int
    accounts_seal: str
    actions: int
    actions_seal: str
    findings: int
    places: list[str]
    standings: int = 0
    standings_seal: str = ""


class RecordVerified(CustodyEventBase, Verification):
    """The record was compared with itself and with what was signed."""

    TOPIC = "record_verified"
    LABEL = "verified the record"
    class_version = 2

    @staticmethod
    def upcast_v1_v2(state: dict[str, Any]) -> None:
        state |= {"standings": 0, "standings_seal": ""}  # there were no seals of them


class Verifying(CustodyState):
    """That it was verified. Nothing that is in force depends on it."""

    def record_verification(self, *, user_id: UserId, verification: Verification) -> None:
        """Record what a verification found."""
        self.trigger_event(RecordVerified, user_id=user_id, **asdict(verification))
