"""Where the parts of the operations page are found in the running application, by type."""

from aiohttp import web

from api.operations.figures import Gauge
from api.operations.rebuilds import Rebuilds
from api.operations.watch import Watch
from projections.fanout.republish import Republishing

GAUGE = web.AppKey("gauge", Gauge)
WATCH = web.AppKey("watch", Watch)
REPUBLISHING = web.AppKey("republishing", Republishing)
REBUILDS = web.AppKey("rebuilds", Rebuilds)
