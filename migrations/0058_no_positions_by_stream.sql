-- The feed finds a stream's first event beyond a position by looking at a few of its versions: both rise together.
DROP INDEX stored_events_stream_position_idx;
