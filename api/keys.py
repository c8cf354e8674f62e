"""Where the parts of the running application are found, by type."""

from aiohttp import web

from api.accounts import Accounts
from api.clients import Clients
from api.core import Core
from api.figures import Gauge
from api.metrics import Metrics
from api.rebuilds import Rebuilds
from api.secrets import Secrets
from api.sessions import Session, Sessions
from api.settings import Settings
from api.throttle import Throttle
from api.watch import Watch
from centrifugo.publisher import Publisher
from projections.fanout import Fanout
from projections.leases import Leases
from projections.reading import ReadMarks

SETTINGS = web.AppKey("settings", Settings)
SECRETS = web.AppKey("secrets", Secrets)
CLIENTS = web.AppKey("clients", Clients)
CORE = web.AppKey("core", Core)
SESSIONS = web.AppKey("sessions", Sessions)
ACCOUNTS = web.AppKey("accounts", Accounts)
READ_MARKS = web.AppKey("read_marks", ReadMarks)
LEASES = web.AppKey("leases", Leases)
PUBLISHER = web.AppKey("publisher", Publisher)
FANOUT = web.AppKey("fanout", Fanout)
GAUGE = web.AppKey("gauge", Gauge)
WATCH = web.AppKey("watch", Watch)
REBUILDS = web.AppKey("rebuilds", Rebuilds)
METRICS = web.AppKey("metrics", Metrics)
REQUESTS = web.AppKey("requests", Throttle[int | str])
SIGNUPS = web.AppKey("signups", Throttle[str])

SESSION = web.RequestKey("session", Session)
