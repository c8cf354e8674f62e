"""Metrics of the tree over the log, for Prometheus: read from the database when they are scraped."""

from collections.abc import Iterator
from datetime import UTC, datetime

from prometheus_client.metrics_core import GaugeMetricFamily
from prometheus_client.registry import Collector

from replay.investigate.last_verification import LastVerification
from replay.investigate.tree_status import TreeStatus, TreeStatusReader, WitnessStatus


class TreeMetrics(Collector):
    """What was read last. Ages go on growing while nothing can be read."""

    def __init__(self, reader: TreeStatusReader) -> None:
        self._reader = reader
        self._status: TreeStatus | None = None

    async def read(self) -> None:
        """Read the status. Raises StoreUnavailable."""
        self._status = await self._reader.read()

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The gauges, once the status was read. One of which nothing is known has no value."""
        status = self._status
        if status is None:
            return
        size, age_s = (
            (status.checkpoint.size, _age_s(status.checkpoint.signed_at)) if status.checkpoint else (None, None)
        )
        yield _gauge("audit_leaves", "Events in the tree over the log.", status.size)
        yield _gauge("audit_lag_events", "Events that are not in the tree yet.", status.lag_events)
        yield _gauge("audit_lag_seconds", "Age of the oldest event that is not in the tree yet.", status.lag_s)
        yield _gauge("audit_checkpoint_leaves", "Events that the last checkpoint covers.", size)
        yield _gauge("audit_checkpoint_age_seconds", "Time since the last checkpoint was signed.", age_s)
        yield _gauge("audit_stopped", "1 while nothing is signed any more.", status.state == "stopped")
        yield _gauge("audit_problems", "Things that `onrecord audit status` says are not well.", len(status.problems))
        yield from _of_witnesses(status.witnesses)
        yield from _of_verification(status.verification)


def _of_verification(last: LastVerification | None) -> Iterator[GaugeMetricFamily]:
    at, rows, findings = (
        (datetime.fromisoformat(last.at).timestamp(), last.rows, last.findings) if last else (None, None, None)
    )
    yield _gauge("verified_at_seconds", "When the whole record was verified last.", at)
    yield _gauge("verified_events", "Events that were compared then.", rows)
    yield _gauge("verified_findings", "What did not fit then.", findings)


def _of_witnesses(witnesses: list[WitnessStatus]) -> Iterator[GaugeMetricFamily]:
    leaves = GaugeMetricFamily(
        "onrecord_audit_witness_leaves", "Events in the tree that the witness cosigned last.", labels=["witness"]
    )
    ages = GaugeMetricFamily(
        "onrecord_audit_witness_age_seconds", "Time since the witness cosigned.", labels=["witness"]
    )
    for witness in witnesses:
        leaves.add_metric([witness.name], witness.size)
        if witness.cosigned_at is not None:
            ages.add_metric([witness.name], _age_s(witness.cosigned_at))
    yield leaves
    yield ages


def _gauge(name: str, help_text: str, value: float | None) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"onrecord_{name}", help_text)
    if value is not None:
        family.add_metric([], value)
    return family


def _age_s(timestamp: str) -> float:
    return max(0.0, (datetime.now(UTC) - datetime.fromisoformat(timestamp)).total_seconds())
