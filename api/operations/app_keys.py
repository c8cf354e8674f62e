"""Where the parts of the operations page are found in the running application, by type."""

from aiohttp import web

from api.operations.figures import Gauge
from api.operations.rebuilds import Rebuilds
from api.operations.watch import Watch

GAUGE = web.AppKey("gauge", Gauge)
WATCH = web.AppKey("watch", Watch)
REBUILDS = web.AppKey("rebuilds", Rebuilds)
