"""What every use of the database may raise. The event store's own errors continue this tree (`eventstore.errors`).

StoreError
└── StoreUnavailable    nothing was recorded; try again later

EmbeddedPostgresError stands apart: it is about our own server, before there is a database to use.
"""


class StoreError(Exception):
    """Base of everything that is raised between a caller and the database."""


class StoreUnavailable(StoreError):
    """The database cannot be reached or did not answer in time. Nothing was recorded."""


class EmbeddedPostgresError(Exception):
    """The embedded server could not be set up, started or stopped; the text says why, in one line."""
