"""The tables of the record of custody."""

from domain.custody import CUSTODY_ID
from eventstore.log import TABLE as LOG

KEYS = {
    "holds": ("hold",),
    "retention_rules": ("rule",),
    "erasure_requests": ("request",),
}
"""The primary key of each table."""

EXPECTED = {
    table: f"SELECT EXISTS (SELECT FROM {LOG} WHERE originator_id = '{CUSTODY_ID}' AND topic = '{topic}')"
    for table, topic in (
        ("holds", "hold_placed"),
        ("retention_rules", "retention_set"),
        ("erasure_requests", "erasure_requested"),
    )
}
"""SQL for whether a table has rows."""
