"""The keys under which handlers find the parts of the operations page."""

from aiohttp import web

from api.operations.figures import Sampler
from api.operations.figures_publisher import FiguresPublisher
from api.operations.rebuilds import Rebuilds
from api.operations.tree_metrics import TreeMetrics
from projections.fanout.republish import Republishing

SAMPLER = web.AppKey("sampler", Sampler)
FIGURES_PUBLISHER = web.AppKey("figures_publisher", FiguresPublisher)
REPUBLISHING = web.AppKey("republishing", Republishing)
TREE_METRICS = web.AppKey("tree_metrics", TreeMetrics)
REBUILDS = web.AppKey("rebuilds", Rebuilds)
