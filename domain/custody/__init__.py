"""The record of custody: what must be kept, for how long, what is to be erased, and how its proof was kept: when the
record was verified, when the tree over it began again.

It is one stream, which members do not see.
The numbers of holds and rules are the versions of the events that made them.
"""

from domain.custody.holding import Scope, case_and_reason
from domain.custody.kinds import CUSTODY_KINDS, CUSTODY_TOPICS, CustodyEvent
from domain.custody.record import CUSTODY_ID, Custody
from domain.custody.requesting import Outcome, Target
from domain.custody.retention import MOST_DAYS, NEVER
from domain.custody.verifying import Verification

__all__ = [
    "CUSTODY_ID",
    "CUSTODY_KINDS",
    "CUSTODY_TOPICS",
    "MOST_DAYS",
    "NEVER",
    "Custody",
    "CustodyEvent",
    "Outcome",
    "Scope",
    "Target",
    "Verification",
    "case_and_reason",
]
