"""Metrics for Prometheus."""

from collections.abc import Callable
from functools import partial

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, generate_latest

from projections.fanout.worker import Fanout

# One more series for each metric, with no use for us.
disable_created_metrics()  # type: ignore[no-untyped-call]  # the package has no types for it

SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)
EVENTS = (0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 10_000)


class Metrics:
    """The metrics of one application. Two in one process count separately."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "onrecord_requests", "Requests answered.", ["method", "route", "status"], registry=self.registry
        )
        self._seconds = Histogram(
            "onrecord_request_seconds",
            "Time to answer a request.",
            ["method", "route"],
            buckets=SECONDS,
            registry=self.registry,
        )
        self._batch_events = Histogram(
            "onrecord_append_events", "Events in one append.", buckets=EVENTS, registry=self.registry
        )
        self._batch_commands = Histogram(
            "onrecord_append_commands", "Commands in one append.", buckets=EVENTS, registry=self.registry
        )
        self._batch_seconds = Histogram(
            "onrecord_append_seconds", "Time of one append, commit included.", buckets=SECONDS, registry=self.registry
        )
        self.log_position = Gauge(
            "onrecord_log_position", "Position of the newest event in the log.", registry=self.registry
        )
        self._children: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one answered request. `route` is the pattern, not the path: its values are few."""
        children = self._children.get((method, route, status))
        if children is None:
            children = (
                self._requests.labels(method, route, str(status)),
                self._seconds.labels(method, route),
            )
            self._children[method, route, status] = children
        children[0].inc()
        children[1].observe(seconds)

    def batch(self, commands: int, events: int, seconds: float) -> None:
        """Record one transaction of the writer."""
        self._batch_commands.observe(commands)
        self._batch_events.observe(events)
        self._batch_seconds.observe(seconds)

    def add_gauge(self, name: str, help_text: str, read: Callable[[], float]) -> None:
        """Add a gauge whose value is read at each scrape."""
        Gauge(f"onrecord_{name}", help_text, registry=self.registry).set_function(read)

    def add_fanout(self, fanout: Fanout) -> None:
        """Add the gauges of the lanes that this process holds."""
        self.add_gauge("fanout_lanes", "Lanes that this process holds.", lambda: len(fanout.lanes))
        self.add_gauge(
            "fanout_lag_events", "Positions not yet published, of the slowest lane here.", lambda: fanout.lag_events
        )
        self.add_gauge("fanout_lag_seconds", "Age of the oldest event not yet published here.", lambda: fanout.lag_s)
        for name, help_text in (
            ("publications", "Publications made, channel by channel."),
            ("left_out", "Members not published to because they cannot be listening."),
            ("retries", "Calls to the real-time server that were tried again."),
            ("dead_letters", "Events set aside."),
        ):
            self.add_gauge(f"fanout_{name}", help_text, partial(getattr, fanout.counts, name))

    def text(self) -> bytes:
        """The exposition format."""
        return generate_latest(self.registry)
