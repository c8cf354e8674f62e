"""What every use of the database may raise. The event store's own errors continue this tree (`eventstore.errors`).

StoreError
└── StoreUnavailable    nothing was recorded; try again later
"""


class StoreError(Exception):
    """Base of everything that is raised between a caller and the database."""


class StoreUnavailable(StoreError):
    """The database cannot be reached or did not answer in time. Nothing was recorded."""
