-- version 1
-- What events of the log say, for functions that decide by the log itself and not by rows that are derived from it.

-- What an event says; null where there is no such event, or its state is not JSON, as an application's own may be.
CREATE OR REPLACE FUNCTION event_state(of_stream uuid, of_version bigint) RETURNS json
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RETURN (
        SELECT convert_from(state, 'utf8')::json FROM stored_events
        WHERE originator_id = of_stream AND originator_version = of_version);
EXCEPTION WHEN data_exception THEN
    RETURN NULL;
END
$$;

-- The events of a stream that have one of these topics. Those of the record of custody are JSON: only we write them.
CREATE OR REPLACE FUNCTION events_of_topics(of_stream uuid, topics text[])
RETURNS TABLE (event_version bigint, event_topic text, said json)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RETURN QUERY
    SELECT originator_version::bigint, topic, event_state(originator_id, originator_version)
    FROM stored_events WHERE originator_id = of_stream AND topic = ANY(topics);
END
$$;
