"""The keys under which handlers find the parts of the application."""

from aiohttp import web

from api.accounts.account_changes import AccountChanges
from api.accounts.accounts import Accounts
from api.accounts.known_devices import KnownDevices
from api.accounts.sessions import Session, Sessions
from api.accounts.shared_throttle import ReportedThrottle, SharedThrottle
from api.accounts.throttle import Throttle
from api.attachments.uploads import Uploads
from api.core import Core
from api.http.client_address import TrustedProxies
from api.http.header_deadline import HeaderDeadline
from api.metrics import Metrics
from api.personal.invitation_news import InvitationNews
from api.personal.read_sync import ReadSync
from api.secrets import Secrets
from api.settings import Settings
from audit.proofs.log_keys import PublicKeys
from centrifugo.publisher import Publisher
from projections.fanout.here import Here
from projections.fanout.lateness import Lateness
from projections.fanout.leases import Leases
from projections.fanout.worker import Fanout

SETTINGS = web.AppKey("settings", Settings)
SECRETS = web.AppKey("secrets", Secrets)
PROXIES = web.AppKey("proxies", TrustedProxies)
CORE = web.AppKey("core", Core)
SESSIONS = web.AppKey("sessions", Sessions)
ACCOUNT_CHANGES = web.AppKey("account_changes", AccountChanges)
ACCOUNTS = web.AppKey("accounts", Accounts)
DEVICES = web.AppKey("devices", KnownDevices)
INVITATION_NEWS = web.AppKey("invitation_news", InvitationNews)
READ_SYNC = web.AppKey("read_sync", ReadSync)
UPLOADS = web.AppKey("uploads", Uploads)
HERE = web.AppKey("here", Here)
LEASES = web.AppKey("leases", Leases)
LATENESS = web.AppKey("lateness", Lateness)
PUBLISHER = web.AppKey("publisher", Publisher)
FANOUT = web.AppKey("fanout", Fanout)
PUBLIC_KEYS = web.AppKey("public_keys", PublicKeys)
"""Of the log, as far as this process knows them."""
METRICS = web.AppKey("metrics", Metrics)
BUILD = web.AppKey("build", str)
"""Names the version of the pages and scripts that this process serves."""
REQUESTS = web.AppKey("requests", Throttle[int | str])
MESSAGES = web.AppKey("messages", ReportedThrottle)
ROOMS = web.AppKey("rooms", ReportedThrottle)
HEADER_DEADLINE = web.AppKey("header_deadline", HeaderDeadline)
SIGNUPS = web.AppKey("signups", SharedThrottle)

SESSION = web.RequestKey("session", Session)
