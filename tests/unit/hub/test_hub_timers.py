"""Timers run in order, once, and not when they are cancelled; a bucket queue returns items when they are due."""

from functools import partial

from centrifugo.hub.channels.bucket_queue import BucketQueue
from centrifugo.hub.timers import Timers


def test_timers_run_in_the_order_of_their_times_and_not_before() -> None:
    timers, made = Timers(), list[int]()
    for at in (3, 1, 2):
        timers.at(at, partial(made.append, at))
    timers.run_due(0.9)
    assert made == []
    timers.run_due(2)
    assert made == [1, 2]
    timers.run_due(9)
    assert made == [1, 2, 3]


def test_a_cancelled_timer_does_not_run() -> None:
    timers, made = Timers(), list[str]()
    cancelled = timers.at(1, lambda: made.append("cancelled"))
    timers.at(1, lambda: made.append("on"))
    cancelled.cancel()
    timers.run_due(1)
    assert made == ["on"]


def test_a_timer_may_set_another_that_is_due_at_once() -> None:
    timers, made = Timers(), list[str]()

    def outer() -> None:
        timers.at(1, lambda: made.append("inner"))

    timers.at(1, outer)
    timers.run_due(1)
    assert made == ["inner"]


def test_cancelled_timers_do_not_pile_up() -> None:
    timers = Timers()
    for _ in range(100_000):
        timers.at(1_000_000, lambda: None).cancel()
    assert len(timers) < 2_000


def test_a_bucket_queue_returns_each_item_once_and_not_before_its_second() -> None:
    queue: BucketQueue[str] = BucketQueue()
    for item, at in (("late", 5.5), ("early", 1.2), ("also early", 1.9)):
        queue.add(item, at)
    assert queue.pop(1.95) is None
    assert {queue.pop(2), queue.pop(2)} == {"early", "also early"}
    assert (queue.pop(5.9), queue.pop(6), queue.pop(6)) == (None, "late", None)
    queue.add("last", 100)
    assert queue.pop() == "last"
