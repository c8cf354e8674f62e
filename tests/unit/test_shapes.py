"""Times as the contract writes them."""

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import example, given
from hypothesis import strategies as st

from projections.readmodels.shapes import timestamp

ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
MOMENTS = st.datetimes(datetime(1000, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC) | ZONES)


@given(MOMENTS)
@example(datetime(2026, 1, 1, tzinfo=UTC))
@example(datetime(2026, 1, 1, microsecond=1, tzinfo=UTC))
def test_a_time_is_in_utc_with_six_digits_of_a_second(moment: datetime) -> None:
    naive = moment.astimezone(UTC).replace(tzinfo=None)
    assert timestamp(moment) == f"{naive.isoformat(timespec='microseconds')}Z"
