"""What is to be done later is done then, in order, once, and not when it was called off."""

from functools import partial

from centrifugo.hub.timers import Timers, Wheel


def test_calls_are_made_in_the_order_of_their_times_and_not_before() -> None:
    timers, made = Timers(), list[int]()
    for at in (3, 1, 2):
        timers.at(at, partial(made.append, at))
    timers.run_due(0.9)
    assert made == []
    timers.run_due(2)
    assert made == [1, 2]
    timers.run_due(9)
    assert made == [1, 2, 3]


def test_what_was_called_off_is_not_done() -> None:
    timers, made = Timers(), list[str]()
    off = timers.at(1, lambda: made.append("off"))
    timers.at(1, lambda: made.append("on"))
    off.cancel()
    timers.run_due(1)
    assert made == ["on"]


def test_a_call_may_set_another_for_now() -> None:
    timers, made = Timers(), list[str]()

    def outer() -> None:
        timers.at(1, lambda: made.append("inner"))

    timers.at(1, outer)
    timers.run_due(1)
    assert made == ["inner"]


def test_timers_that_were_called_off_do_not_pile_up() -> None:
    timers = Timers()
    for _ in range(100_000):
        timers.at(1_000_000, lambda: None).cancel()
    assert len(timers) < 2_000


def test_a_wheel_gives_each_item_once_and_not_before_its_second() -> None:
    wheel: Wheel[str] = Wheel()
    for item, at in (("late", 5.5), ("early", 1.2), ("also early", 1.9)):
        wheel.add(item, at)
    assert wheel.pop(1.95) is None
    assert {wheel.pop(2), wheel.pop(2)} == {"early", "also early"}
    assert (wheel.pop(5.9), wheel.pop(6), wheel.pop(6)) == (None, "late", None)
    wheel.add("whenever", 100)
    assert wheel.pop() == "whenever"
