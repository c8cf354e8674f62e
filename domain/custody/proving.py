"""How the proof of the record is kept: when its tree began again, and when another key began to sign it."""

from domain.custody.event import CustodyEventBase, Explained
from domain.custody.state import CustodyState
from domain.room import check_reason
from domain.values import UserId


class AuditRestarted(Explained, CustodyEventBase):
    """The tree of the log begins again, after a log that went back: nothing more is signed in the epoch before.

    `checkpoint` is the last that was signed there, without its signatures; empty where there is none.
    """

    TOPIC = "audit_restarted"
    LABEL = "began the tree of the log again"
    epoch: int
    checkpoint: str
    reason: str | None = None
    sealed: str | None = None


class AuditKeyChanged(Explained, CustodyEventBase):
    """Another key signs the tree of this epoch, as soon as the key before has signed a tree with this event.

    `statement` names both, and is signed with both: see `audit.signing.key_change`.
    """

    TOPIC = "audit_key_changed"
    LABEL = "changed the key of the log"
    epoch: int
    statement: str
    reason: str | None = None
    sealed: str | None = None


class Proving(CustodyState):
    """Decisions about the tree. Nothing that is in force depends on them."""

    def restart_audit(self, *, user_id: UserId, epoch: int, checkpoint: str, reason: str) -> None:
        """Record that the tree begins again, and with which epoch. Raises InvalidField."""
        check_reason(reason)
        self.trigger_event(AuditRestarted, user_id=user_id, epoch=epoch, checkpoint=checkpoint, reason=reason)

    def change_audit_key(self, *, user_id: UserId, epoch: int, statement: str, reason: str) -> None:
        """Record that another key signs the tree from now on. Raises InvalidField."""
        check_reason(reason)
        self.trigger_event(AuditKeyChanged, user_id=user_id, epoch=epoch, statement=statement, reason=reason)
