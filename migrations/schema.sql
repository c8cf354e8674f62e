-- Today's schema, to be read: what the migrations build, without the rows that they insert and the bodies of functions.
-- `make schema` writes this file, and a test compares it with the migrations.

CREATE TABLE account_standings (
    standing_id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    user_id bigint NOT NULL,
    standing text NOT NULL,
    since timestamp with time zone NOT NULL DEFAULT now(),
    CONSTRAINT account_standings_pkey PRIMARY KEY (standing_id)
);
CREATE INDEX account_standings_user_id_idx ON account_standings USING btree (user_id, standing_id);

CREATE TABLE attachments (
    room_id uuid NOT NULL,
    version bigint NOT NULL,
    place integer NOT NULL,
    upload_id uuid NOT NULL,
    sha256 text NOT NULL,
    size bigint NOT NULL,
    media_type text NOT NULL,
    width integer,
    height integer,
    CONSTRAINT attachments_pkey PRIMARY KEY (room_id, version, place)
);
ALTER TABLE attachments ALTER COLUMN sha256 SET STATISTICS 0;
ALTER TABLE attachments ALTER COLUMN media_type SET STATISTICS 0;
CREATE INDEX attachments_upload_idx ON attachments USING btree (upload_id);

CREATE TABLE audit_checkpoints (
    epoch integer NOT NULL,
    size bigint NOT NULL,
    note text NOT NULL,
    signed_at timestamp with time zone NOT NULL,
    CONSTRAINT audit_checkpoints_pkey PRIMARY KEY (epoch, size)
);

CREATE TABLE audit_epochs (
    epoch integer NOT NULL,
    origin text NOT NULL,
    began_at timestamp with time zone NOT NULL DEFAULT now(),
    size bigint NOT NULL DEFAULT 0,
    position bigint NOT NULL DEFAULT 0,
    stopped_why text,
    stopped_at timestamp with time zone,
    CONSTRAINT audit_epochs_pkey PRIMARY KEY (epoch),
    CONSTRAINT audit_epochs_origin_key UNIQUE (origin)
);
ALTER TABLE audit_epochs ALTER COLUMN stopped_why SET STATISTICS 0;

CREATE TABLE audit_keys (
    epoch integer NOT NULL,
    number integer NOT NULL,
    log_key text NOT NULL,
    time_key text NOT NULL,
    signs_until bigint,
    CONSTRAINT audit_keys_pkey PRIMARY KEY (epoch, number)
);

CREATE TABLE audit_tiles (
    epoch integer NOT NULL,
    level integer NOT NULL,
    number bigint NOT NULL,
    hashes bytea NOT NULL,
    positions bigint[],
    CONSTRAINT audit_tiles_pkey PRIMARY KEY (epoch, level, number)
);

CREATE TABLE audit_witnesses (
    epoch integer NOT NULL,
    name text NOT NULL,
    size bigint NOT NULL DEFAULT 0,
    cosigned_at timestamp with time zone,
    asked_at timestamp with time zone NOT NULL DEFAULT now(),
    problem text,
    CONSTRAINT audit_witnesses_pkey PRIMARY KEY (epoch, name)
);
ALTER TABLE audit_witnesses ALTER COLUMN problem SET STATISTICS 0;

CREATE TABLE authors (
    room_id uuid NOT NULL,
    user_id bigint NOT NULL,
    message_count bigint NOT NULL,
    CONSTRAINT authors_pkey PRIMARY KEY (room_id, user_id)
) WITH (fillfactor=70);

CREATE TABLE bodies (
    stream uuid NOT NULL,
    version bigint NOT NULL,
    salt bytea NOT NULL,
    content text NOT NULL,
    client_id text,
    CONSTRAINT bodies_pkey PRIMARY KEY (stream, version)
);
ALTER TABLE bodies ALTER COLUMN salt SET STATISTICS 0;
ALTER TABLE bodies ALTER COLUMN content SET STATISTICS 0;
ALTER TABLE bodies ALTER COLUMN client_id SET STATISTICS 0;
CREATE TRIGGER files_go_with_words AFTER DELETE ON bodies REFERENCING OLD TABLE AS erased FOR EACH STATEMENT EXECUTE FUNCTION drop_uploads_of_erased_words();
ALTER TABLE bodies ENABLE ALWAYS TRIGGER files_go_with_words;
CREATE TRIGGER held_words_are_not_erased AFTER DELETE ON bodies REFERENCING OLD TABLE AS erased FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_erase_held_words();
ALTER TABLE bodies ENABLE ALWAYS TRIGGER held_words_are_not_erased;
CREATE TRIGGER words_are_not_changed BEFORE DELETE OR UPDATE ON bodies FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_change_words();
ALTER TABLE bodies ENABLE ALWAYS TRIGGER words_are_not_changed;
CREATE TRIGGER words_are_not_truncated BEFORE TRUNCATE ON bodies FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_change_words();
ALTER TABLE bodies ENABLE ALWAYS TRIGGER words_are_not_truncated;

CREATE TABLE body_keys (
    stream uuid NOT NULL,
    version bigint NOT NULL,
    key text NOT NULL,
    CONSTRAINT body_keys_pkey PRIMARY KEY (stream, version),
    CONSTRAINT body_keys_stream_version_fkey FOREIGN KEY (stream, version) REFERENCES bodies(stream, version) ON DELETE CASCADE
);
ALTER TABLE body_keys ALTER COLUMN key SET STATISTICS 0;
CREATE INDEX body_keys_key_idx ON body_keys USING btree (key);

CREATE TABLE checkpoints (
    projection text NOT NULL,
    position bigint NOT NULL,
    CONSTRAINT checkpoints_pkey PRIMARY KEY (projection)
) WITH (fillfactor=10);

CREATE TABLE dead_letters (
    dead_letter_id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    lane integer NOT NULL,
    position bigint NOT NULL,
    room_id uuid NOT NULL,
    version bigint NOT NULL,
    reason text NOT NULL,
    set_aside_at timestamp with time zone NOT NULL DEFAULT now(),
    CONSTRAINT dead_letters_pkey PRIMARY KEY (dead_letter_id)
);
ALTER TABLE dead_letters ALTER COLUMN reason SET STATISTICS 0;

CREATE TABLE edits (
    room_id uuid NOT NULL,
    message bigint NOT NULL,
    version bigint NOT NULL,
    edited_at timestamp with time zone NOT NULL,
    content text,
    CONSTRAINT edits_pkey PRIMARY KEY (room_id, message, version)
);
ALTER TABLE edits ALTER COLUMN content SET STATISTICS 0;
CREATE UNIQUE INDEX edits_version_idx ON edits USING btree (room_id, version);

CREATE TABLE erasure_requests (
    request uuid NOT NULL,
    requested_version bigint NOT NULL,
    person_id bigint,
    room_id uuid,
    versions bigint[],
    before timestamp with time zone,
    requested_by bigint NOT NULL,
    requested_at timestamp with time zone NOT NULL,
    erased bigint NOT NULL DEFAULT 0,
    held bigint,
    holds bigint[],
    rules bigint[],
    until timestamp with time zone,
    carried_out_version bigint,
    carried_out_at timestamp with time zone,
    CONSTRAINT erasure_requests_pkey PRIMARY KEY (request)
);
CREATE INDEX erasure_requests_waiting_idx ON erasure_requests USING btree (requested_version) WHERE (held IS DISTINCT FROM 0);

CREATE TABLE erasures (
    room_id uuid NOT NULL,
    version bigint NOT NULL,
    erased_version bigint NOT NULL,
    erased_at timestamp with time zone NOT NULL,
    why text,
    CONSTRAINT erasures_pkey PRIMARY KEY (room_id, version)
);
ALTER TABLE erasures ALTER COLUMN why SET STATISTICS 0;

CREATE TABLE fanout_lanes (
    lane integer NOT NULL,
    lanes integer NOT NULL,
    layout integer NOT NULL,
    position bigint NOT NULL,
    moved_at timestamp with time zone NOT NULL DEFAULT now(),
    stop_at bigint,
    waits_at bigint,
    paused boolean NOT NULL DEFAULT false,
    failed_position bigint,
    failed_reason text,
    skip_position bigint,
    holder text,
    generation bigint NOT NULL DEFAULT 1,
    anchor_position bigint,
    anchor_hash bytea,
    CONSTRAINT fanout_lanes_pkey PRIMARY KEY (lane)
) WITH (fillfactor=10);
ALTER TABLE fanout_lanes ALTER COLUMN failed_reason SET STATISTICS 0;

CREATE TABLE fold_versions (
    projection text NOT NULL,
    version integer NOT NULL,
    CONSTRAINT fold_versions_pkey PRIMARY KEY (projection)
);

CREATE TABLE former_access (
    room_id uuid NOT NULL,
    until_version bigint NOT NULL,
    visibility text NOT NULL,
    open_from bigint,
    CONSTRAINT former_access_pkey PRIMARY KEY (room_id, until_version)
);

CREATE TABLE former_names (
    room_id uuid NOT NULL,
    until_version bigint NOT NULL,
    name text,
    name_version bigint NOT NULL DEFAULT 1,
    CONSTRAINT former_names_pkey PRIMARY KEY (room_id, until_version)
);
ALTER TABLE former_names ALTER COLUMN name SET STATISTICS 0;

CREATE TABLE governance (
    room_id uuid NOT NULL,
    version bigint NOT NULL,
    aspect text NOT NULL,
    member_id bigint NOT NULL,
    decided_by bigint NOT NULL,
    is_set boolean NOT NULL,
    role text,
    until timestamp with time zone,
    words text,
    CONSTRAINT governance_pkey PRIMARY KEY (room_id, version)
);
ALTER TABLE governance ALTER COLUMN words SET STATISTICS 0;
CREATE INDEX governance_newest_idx ON governance USING btree (room_id, aspect, member_id, version);

CREATE TABLE holds (
    hold bigint NOT NULL,
    person_id bigint,
    room_id uuid,
    since timestamp with time zone,
    until timestamp with time zone,
    conversations boolean NOT NULL,
    placed_by bigint NOT NULL,
    placed_at timestamp with time zone NOT NULL,
    ended_version bigint,
    ended_by bigint,
    ended_at timestamp with time zone,
    CONSTRAINT holds_pkey PRIMARY KEY (hold)
);

CREATE TABLE idempotency_keys (
    owner bigint NOT NULL,
    key text NOT NULL,
    fingerprint bytea NOT NULL,
    originator_id uuid NOT NULL,
    originator_version bigint NOT NULL,
    recorded_at timestamp with time zone NOT NULL DEFAULT now(),
    CONSTRAINT idempotency_keys_pkey PRIMARY KEY (owner, key)
);
ALTER TABLE idempotency_keys ALTER COLUMN key SET STATISTICS 0;
CREATE INDEX idempotency_keys_recorded_at_idx ON idempotency_keys USING btree (recorded_at);

CREATE TABLE invitation_links (
    room_id uuid NOT NULL,
    made_version bigint NOT NULL,
    token_hash text NOT NULL,
    made_by bigint NOT NULL,
    made_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    max_uses integer NOT NULL,
    revoked_version bigint,
    CONSTRAINT invitation_links_pkey PRIMARY KEY (room_id, made_version)
);
CREATE INDEX invitation_links_token_idx ON invitation_links USING btree (token_hash);

CREATE TABLE invitations (
    token_hash bytea NOT NULL,
    uses_left integer NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    CONSTRAINT invitations_pkey PRIMARY KEY (token_hash),
    CONSTRAINT invitations_uses_left_check CHECK ((uses_left >= 0))
);

CREATE TABLE leases (
    user_id bigint NOT NULL,
    warm_until timestamp with time zone NOT NULL,
    is_paused boolean NOT NULL DEFAULT false,
    changed_in xid8 NOT NULL DEFAULT pg_current_xact_id(),
    CONSTRAINT leases_pkey PRIMARY KEY (user_id)
);
CREATE INDEX leases_changed_in_idx ON leases USING btree (changed_in);
CREATE INDEX leases_open_idx ON leases USING btree (user_id) WHERE (NOT is_paused);

CREATE TABLE log_generation (
    is_only boolean NOT NULL DEFAULT true,
    log_id uuid NOT NULL DEFAULT gen_random_uuid(),
    generation bigint NOT NULL DEFAULT 1,
    began_at timestamp with time zone NOT NULL DEFAULT now(),
    went_back_from bigint,
    went_back_to bigint,
    CONSTRAINT log_generation_pkey PRIMARY KEY (is_only),
    CONSTRAINT log_generation_is_only_check CHECK (is_only)
);

CREATE TABLE memberships (
    room_id uuid NOT NULL,
    user_id bigint NOT NULL,
    joined_version bigint NOT NULL,
    joined_position bigint NOT NULL,
    members_after_join integer NOT NULL,
    left_version bigint,
    left_position bigint,
    members_after_leave integer,
    reads_from bigint NOT NULL DEFAULT 1,
    link bigint,
    messages_before bigint NOT NULL DEFAULT 0,
    CONSTRAINT memberships_pkey PRIMARY KEY (room_id, user_id, joined_version)
);
CREATE UNIQUE INDEX memberships_current_idx ON memberships USING btree (user_id, room_id) WHERE (left_version IS NULL);
CREATE UNIQUE INDEX memberships_joined_idx ON memberships USING btree (room_id, joined_version);
CREATE UNIQUE INDEX memberships_left_idx ON memberships USING btree (room_id, left_version) WHERE (left_version IS NOT NULL);
CREATE INDEX memberships_link_idx ON memberships USING btree (room_id, link) WHERE (link IS NOT NULL);
CREATE INDEX memberships_user_idx ON memberships USING btree (user_id);

CREATE TABLE mentions (
    room_id uuid NOT NULL,
    version bigint NOT NULL,
    user_id bigint NOT NULL,
    named_version bigint NOT NULL,
    CONSTRAINT mentions_pkey PRIMARY KEY (room_id, version, user_id)
);
CREATE INDEX mentions_user_idx ON mentions USING btree (room_id, user_id, version);

CREATE TABLE messages (
    room_id uuid NOT NULL,
    version bigint NOT NULL,
    user_id bigint NOT NULL,
    content text,
    posted_at timestamp with time zone NOT NULL,
    reply_to bigint,
    edited_version bigint,
    CONSTRAINT messages_pkey PRIMARY KEY (room_id, version)
);
ALTER TABLE messages ALTER COLUMN content SET STATISTICS 0;

CREATE TABLE muted_rooms (
    user_id bigint NOT NULL,
    room_id uuid NOT NULL,
    joined_version bigint NOT NULL,
    is_muted boolean NOT NULL,
    changes bigint NOT NULL,
    CONSTRAINT muted_rooms_pkey PRIMARY KEY (user_id, room_id)
);

CREATE TABLE name_rule (
    version integer NOT NULL
);
CREATE UNIQUE INDEX name_rule_one_idx ON name_rule USING btree ((true));

CREATE TABLE operations_watch (
    watched_until timestamp with time zone NOT NULL,
    told_at timestamp with time zone NOT NULL
);

CREATE TABLE operator_actions (
    action_id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    taken_at timestamp with time zone NOT NULL DEFAULT now(),
    who text NOT NULL,
    action text NOT NULL,
    subject text NOT NULL,
    why text NOT NULL,
    CONSTRAINT operator_actions_pkey PRIMARY KEY (action_id),
    CONSTRAINT actions_are_sealed TRIGGER DEFERRABLE INITIALLY DEFERRED
);
ALTER TABLE operator_actions ALTER COLUMN who SET STATISTICS 0;
ALTER TABLE operator_actions ALTER COLUMN subject SET STATISTICS 0;
ALTER TABLE operator_actions ALTER COLUMN why SET STATISTICS 0;
CREATE CONSTRAINT TRIGGER actions_are_sealed AFTER INSERT ON operator_actions DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION seal_new_action();

CREATE TABLE password_resets (
    token_hash bytea NOT NULL,
    user_id bigint NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    CONSTRAINT password_resets_pkey PRIMARY KEY (token_hash),
    CONSTRAINT password_resets_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(user_id)
);

CREATE TABLE pins (
    room_id uuid NOT NULL,
    message bigint NOT NULL,
    pinned_version bigint NOT NULL,
    pinned_by bigint NOT NULL,
    pinned_at timestamp with time zone NOT NULL,
    unpinned_version bigint,
    CONSTRAINT pins_pkey PRIMARY KEY (room_id, message, pinned_version)
);
CREATE UNIQUE INDEX pins_current_idx ON pins USING btree (room_id, message) WHERE (unpinned_version IS NULL);

CREATE TABLE reactions (
    room_id uuid NOT NULL,
    message bigint NOT NULL,
    user_id bigint NOT NULL,
    emoji text NOT NULL,
    added_version bigint NOT NULL,
    removed_version bigint,
    CONSTRAINT reactions_pkey PRIMARY KEY (room_id, message, user_id, emoji, added_version)
);
ALTER TABLE reactions ALTER COLUMN emoji SET STATISTICS 0;
CREATE UNIQUE INDEX reactions_current_idx ON reactions USING btree (room_id, message, user_id, emoji) WHERE (removed_version IS NULL);

CREATE TABLE read_marks (
    user_id bigint NOT NULL,
    room_id uuid NOT NULL,
    version bigint NOT NULL,
    messages bigint NOT NULL DEFAULT 0,
    own bigint NOT NULL DEFAULT 0,
    CONSTRAINT read_marks_pkey PRIMARY KEY (user_id, room_id)
) WITH (fillfactor=70);

CREATE TABLE retention_rules (
    rule bigint NOT NULL,
    room_id uuid,
    keep_days integer,
    erase_days integer,
    set_by bigint NOT NULL,
    set_at timestamp with time zone NOT NULL,
    ended_version bigint,
    ended_by bigint,
    ended_at timestamp with time zone,
    CONSTRAINT retention_rules_pkey PRIMARY KEY (rule)
);

CREATE TABLE retractions (
    room_id uuid NOT NULL,
    message bigint NOT NULL,
    version bigint NOT NULL,
    retracted_by bigint NOT NULL,
    retracted_at timestamp with time zone NOT NULL,
    has_why boolean NOT NULL,
    why text,
    CONSTRAINT retractions_pkey PRIMARY KEY (room_id, message)
);
ALTER TABLE retractions ALTER COLUMN why SET STATISTICS 0;

CREATE TABLE room_invitations (
    room_id uuid NOT NULL,
    invited_version bigint NOT NULL,
    user_id bigint NOT NULL,
    invited_by bigint NOT NULL,
    invited_at timestamp with time zone NOT NULL,
    ended_version bigint,
    CONSTRAINT room_invitations_pkey PRIMARY KEY (room_id, invited_version)
);
CREATE INDEX room_invitations_open_idx ON room_invitations USING btree (user_id, room_id) WHERE (ended_version IS NULL);

CREATE TABLE rooms (
    room_id uuid NOT NULL,
    name text,
    name_key text,
    opened_at timestamp with time zone NOT NULL,
    version bigint NOT NULL,
    position bigint NOT NULL,
    bumped_at timestamp with time zone NOT NULL,
    last_message_version bigint,
    member_count integer NOT NULL,
    message_count bigint NOT NULL,
    rename_count integer NOT NULL DEFAULT 0,
    name_version bigint NOT NULL DEFAULT 1,
    erased_count bigint NOT NULL DEFAULT 0,
    edit_count bigint NOT NULL DEFAULT 0,
    retraction_count bigint NOT NULL DEFAULT 0,
    reaction_count bigint NOT NULL DEFAULT 0,
    pin_count bigint NOT NULL DEFAULT 0,
    visibility text NOT NULL DEFAULT 'public'::text,
    open_from bigint DEFAULT 1,
    people bigint[],
    access_count integer NOT NULL DEFAULT 0,
    invitation_count integer NOT NULL DEFAULT 0,
    link_count integer NOT NULL DEFAULT 0,
    topic_version bigint,
    is_archived boolean NOT NULL DEFAULT false,
    decision_count bigint NOT NULL DEFAULT 0,
    attachment_count bigint NOT NULL DEFAULT 0,
    mention_count bigint NOT NULL DEFAULT 0,
    CONSTRAINT rooms_pkey PRIMARY KEY (room_id)
) WITH (fillfactor=70);
ALTER TABLE rooms ALTER COLUMN name SET STATISTICS 0;
ALTER TABLE rooms ALTER COLUMN name_key SET STATISTICS 0;
CREATE INDEX rooms_name_key_idx ON rooms USING btree (name_key);
CREATE INDEX rooms_people_idx ON rooms USING btree (people) WHERE (people IS NOT NULL);

CREATE TABLE schema_functions (
    name text NOT NULL,
    version integer NOT NULL,
    sha256 text NOT NULL,
    applied_at timestamp with time zone NOT NULL DEFAULT now(),
    CONSTRAINT schema_functions_pkey PRIMARY KEY (name)
);

CREATE TABLE schema_migrations (
    number integer NOT NULL,
    name text NOT NULL,
    sha256 text NOT NULL,
    applied_at timestamp with time zone NOT NULL DEFAULT now(),
    CONSTRAINT schema_migrations_pkey PRIMARY KEY (number)
);

CREATE TABLE seal_heads (
    sealed text NOT NULL,
    number bigint NOT NULL,
    seal bytea NOT NULL,
    CONSTRAINT seal_heads_pkey PRIMARY KEY (sealed)
);
ALTER TABLE seal_heads ALTER COLUMN sealed SET STATISTICS 0;
ALTER TABLE seal_heads ALTER COLUMN seal SET STATISTICS 0;

CREATE TABLE seals (
    sealed text NOT NULL,
    number bigint NOT NULL,
    id bigint NOT NULL,
    salt bytea,
    seal bytea NOT NULL,
    CONSTRAINT seals_pkey PRIMARY KEY (sealed, number)
);
ALTER TABLE seals ALTER COLUMN sealed SET STATISTICS 0;
ALTER TABLE seals ALTER COLUMN salt SET STATISTICS 0;
ALTER TABLE seals ALTER COLUMN seal SET STATISTICS 0;
CREATE UNIQUE INDEX seals_id_idx ON seals USING btree (sealed, id);

CREATE TABLE search_index (
    room_id uuid NOT NULL,
    version bigint NOT NULL,
    message bigint NOT NULL,
    position bigint NOT NULL,
    body bigint,
    tokens tsvector NOT NULL,
    event bigint NOT NULL,
    CONSTRAINT search_index_room_id_body_fkey FOREIGN KEY (room_id, body) REFERENCES bodies(stream, version) ON DELETE CASCADE
);
ALTER TABLE search_index ALTER COLUMN tokens SET STATISTICS 0;
CREATE INDEX search_index_body_idx ON search_index USING btree (room_id, body);
CREATE INDEX search_index_tokens_idx ON search_index USING gin (tokens) WITH (fastupdate='on', gin_pending_list_limit='256');

CREATE TABLE sessions (
    token_hash bytea NOT NULL,
    user_id bigint NOT NULL,
    created_at timestamp with time zone NOT NULL DEFAULT now(),
    seen_at timestamp with time zone NOT NULL DEFAULT now(),
    idle_expires_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    session_id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    device text NOT NULL DEFAULT ''::text,
    network text NOT NULL DEFAULT ''::text,
    CONSTRAINT sessions_pkey PRIMARY KEY (token_hash),
    CONSTRAINT sessions_session_id_key UNIQUE (session_id),
    CONSTRAINT sessions_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(user_id)
);
ALTER TABLE sessions ALTER COLUMN device SET STATISTICS 0;
ALTER TABLE sessions ALTER COLUMN network SET STATISTICS 0;
CREATE INDEX sessions_expires_idx ON sessions USING btree (expires_at);
CREATE INDEX sessions_user_idx ON sessions USING btree (user_id);

CREATE TABLE snapshots (
    originator_id uuid NOT NULL,
    originator_version bigint NOT NULL,
    topic text NOT NULL,
    state bytea NOT NULL,
    mac bytea,
    CONSTRAINT snapshots_pkey PRIMARY KEY (originator_id)
);
ALTER TABLE snapshots ALTER COLUMN state SET STATISTICS 0;

CREATE TABLE stored_events (
    originator_id uuid NOT NULL,
    originator_version bigint NOT NULL,
    topic text,
    state bytea,
    notification_id bigint NOT NULL DEFAULT nextval('stored_events_notification_id_seq'::regclass),
    CONSTRAINT stored_events_pkey PRIMARY KEY (originator_id, originator_version)
) WITH (autovacuum_enabled=true, autovacuum_vacuum_threshold=100000000, autovacuum_vacuum_scale_factor=0.5, autovacuum_analyze_threshold=1000, autovacuum_analyze_scale_factor=0.01);
CREATE UNIQUE INDEX stored_events_notification_id_idx ON stored_events USING btree (notification_id);
CREATE TRIGGER log_has_no_gaps AFTER INSERT ON stored_events REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION refuse_gaps_in_versions();
ALTER TABLE stored_events ENABLE ALWAYS TRIGGER log_has_no_gaps;
CREATE TRIGGER log_is_append_only BEFORE DELETE OR UPDATE ON stored_events FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_change_the_log();
ALTER TABLE stored_events ENABLE ALWAYS TRIGGER log_is_append_only;
CREATE TRIGGER log_is_appended_under_lock BEFORE INSERT ON stored_events FOR EACH STATEMENT EXECUTE FUNCTION take_append_lock_for_insert();
ALTER TABLE stored_events ENABLE ALWAYS TRIGGER log_is_appended_under_lock;
CREATE TRIGGER log_is_not_truncated BEFORE TRUNCATE ON stored_events FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_change_the_log();
ALTER TABLE stored_events ENABLE ALWAYS TRIGGER log_is_not_truncated;

CREATE TABLE throttle_buckets (
    key bytea NOT NULL,
    tokens double precision NOT NULL,
    rate double precision NOT NULL,
    burst double precision NOT NULL,
    counted_at timestamp with time zone NOT NULL,
    CONSTRAINT throttle_buckets_pkey PRIMARY KEY (key)
);

CREATE TABLE unneeded_files (
    upload_id uuid NOT NULL,
    remove_at timestamp with time zone NOT NULL,
    CONSTRAINT unneeded_files_pkey PRIMARY KEY (upload_id)
);

CREATE TABLE uploads (
    upload_id uuid NOT NULL,
    room_id uuid NOT NULL,
    user_id bigint NOT NULL,
    name text NOT NULL,
    sha256 text NOT NULL,
    size bigint NOT NULL,
    media_type text NOT NULL,
    width integer,
    height integer,
    uploaded_at timestamp with time zone NOT NULL DEFAULT now(),
    used_at timestamp with time zone NOT NULL DEFAULT now(),
    CONSTRAINT uploads_pkey PRIMARY KEY (upload_id)
);
ALTER TABLE uploads ALTER COLUMN name SET STATISTICS 0;
ALTER TABLE uploads ALTER COLUMN sha256 SET STATISTICS 0;
ALTER TABLE uploads ALTER COLUMN media_type SET STATISTICS 0;
CREATE INDEX uploads_used_idx ON uploads USING btree (used_at);
CREATE INDEX uploads_user_idx ON uploads USING btree (user_id, uploaded_at);
CREATE TRIGGER files_go_with_uploads AFTER DELETE ON uploads REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION list_unneeded_files();
ALTER TABLE uploads ENABLE ALWAYS TRIGGER files_go_with_uploads;

CREATE TABLE users (
    user_id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    username text NOT NULL,
    username_key text NOT NULL,
    password_hash text NOT NULL,
    created_at timestamp with time zone NOT NULL DEFAULT now(),
    role text NOT NULL DEFAULT 'user'::text,
    is_demo boolean NOT NULL DEFAULT false,
    deactivated_at timestamp with time zone,
    erased_at timestamp with time zone,
    is_bot boolean NOT NULL DEFAULT false,
    kind text GENERATED ALWAYS AS 
CASE
    WHEN (erased_at IS NOT NULL) THEN 'erased'::text
    WHEN (deactivated_at IS NOT NULL) THEN 'deactivated'::text
    WHEN is_bot THEN 'bot'::text
    WHEN (role = 'admin'::text) THEN 'admin'::text
    ELSE NULL::text
END,
    CONSTRAINT users_pkey PRIMARY KEY (user_id),
    CONSTRAINT users_role_check CHECK ((role = ANY (ARRAY['user'::text, 'admin'::text])))
);
ALTER TABLE users ALTER COLUMN username SET STATISTICS 0;
ALTER TABLE users ALTER COLUMN username_key SET STATISTICS 0;
ALTER TABLE users ALTER COLUMN password_hash SET STATISTICS 0;
CREATE UNIQUE INDEX users_username_key_idx ON users USING btree (username_key);
CREATE TRIGGER changed_standings_are_sealed AFTER UPDATE ON users REFERENCING OLD TABLE AS accounts_before NEW TABLE AS accounts_after FOR EACH STATEMENT EXECUTE FUNCTION seal_changed_standings();
CREATE TRIGGER first_standings_are_sealed AFTER INSERT ON users REFERENCING NEW TABLE AS new_accounts FOR EACH STATEMENT EXECUTE FUNCTION seal_first_standings();
CREATE TRIGGER names_are_sealed AFTER INSERT ON users REFERENCING NEW TABLE AS new_accounts FOR EACH STATEMENT EXECUTE FUNCTION seal_new_accounts();
CREATE TRIGGER user_ids_of_the_log_are_kept BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION keep_user_ids_of_the_log();

CREATE SEQUENCE account_standings_standing_id_seq AS bigint START 1 OWNED BY account_standings.standing_id;
CREATE SEQUENCE dead_letters_dead_letter_id_seq AS bigint START 1 OWNED BY dead_letters.dead_letter_id;
CREATE SEQUENCE operator_actions_action_id_seq AS bigint START 1 OWNED BY operator_actions.action_id;
CREATE SEQUENCE sessions_session_id_seq AS bigint START 1 OWNED BY sessions.session_id;
CREATE SEQUENCE stored_events_notification_id_seq AS bigint START 1 OWNED BY stored_events.notification_id;
CREATE SEQUENCE users_user_id_seq AS bigint START 1 OWNED BY users.user_id;

CREATE VIEW failed_logins AS
 SELECT key,
    tokens,
    rate,
    burst,
    counted_at
   FROM throttle_buckets;

-- Functions:
-- action_to_seal(action operator_actions) returns bytea
-- add_seals(of_table text, ids bigint[], contents bytea[]) returns void
-- add_standings(accounts bigint[]) returns void
-- author_and_time(of_stream uuid, of_version bigint, OUT author bigint, OUT occurred_at timestamp with time zone)
--     returns record
-- begin_generation(known_generation bigint, known_position bigint, OUT generation bigint, OUT head bigint, OUT hash
--     bytea) returns record
-- count_authors() returns void
-- drop_uploads_of_erased_words() returns trigger
-- erase_bodies(erased_stream uuid, erased_versions bigint[]) returns bigint
-- erase_recorded(base bigint, streams uuid[], versions bigint[]) returns bigint
-- erase_unheld(streams uuid[], versions bigint[]) returns void
-- event_hash(at bigint, stream uuid, version bigint, topic text, state bytea) returns bytea
-- event_state(of_stream uuid, of_version bigint) returns json
-- events_of_topics(of_stream uuid, topics text[]) returns TABLE(event_version bigint, event_topic text, said json)
-- fold_admission(base bigint, events text) returns bigint
-- fold_attachments(base bigint, room_ids uuid[], versions bigint[], places integer[], upload_ids uuid[], sha256s
--     text[], sizes bigint[], media_types text[], widths integer[], heights integer[]) returns bigint
-- fold_authors(base bigint, joined_rooms uuid[], joined_users bigint[], room_ids uuid[], user_ids bigint[], counted
--     boolean[]) returns bigint
-- fold_changes(base bigint, changed_rooms uuid[], changed_versions bigint[], changed_places bigint[], bumped timestamp
--     with time zone[], message_versions bigint[], member_changes integer[], message_changes integer[], room_ids
--     uuid[], versions bigint[], user_ids bigint[], contents text[], times timestamp with time zone[]) returns bigint
-- fold_changes_v2(base bigint, changed_rooms uuid[], changed_versions bigint[], changed_places bigint[], bumped
--     timestamp with time zone[], message_versions bigint[], member_changes integer[], message_changes integer[],
--     room_ids uuid[], versions bigint[], user_ids bigint[], contents text[], times timestamp with time zone[], replies
--     bigint[]) returns bigint
-- fold_changes_v3(base bigint, changed_rooms uuid[], changed_versions bigint[], changed_places bigint[], bumped
--     timestamp with time zone[], message_versions bigint[], member_changes integer[], message_changes integer[],
--     joined_rooms uuid[], joined_users bigint[], counted boolean[], room_ids uuid[], versions bigint[], user_ids
--     bigint[], contents text[], times timestamp with time zone[], replies bigint[]) returns bigint
-- fold_custody(base bigint, events text) returns bigint
-- fold_discussion(base bigint, events text) returns bigint
-- fold_erasures(base bigint, room_ids uuid[], versions bigint[], erased_versions bigint[], times timestamp with time
--     zone[], reasons text[]) returns bigint
-- fold_governance(base bigint, room_ids uuid[], versions bigint[], aspects text[], member_ids bigint[], deciders
--     bigint[], are_set boolean[], roles text[], ends timestamp with time zone[], texts text[]) returns bigint
-- fold_mentions_v2(base bigint, room_ids uuid[], versions bigint[], user_ids bigint[], named_versions bigint[]) returns
--     bigint
-- fold_openings(base bigint, room_ids uuid[], names text[], name_keys text[], times timestamp with time zone[]) returns
--     bigint
-- fold_openings_v2(base bigint, room_ids uuid[], names text[], name_keys text[], times timestamp with time zone[],
--     visibilities text[], open_froms bigint[], peoples text[]) returns bigint
-- fold_renames(base bigint, room_ids uuid[], versions bigint[], names text[], name_keys text[]) returns bigint
-- fold_stays(base bigint, ended_rooms uuid[], ended_users bigint[], ended_versions bigint[], ended_places bigint[],
--     ended_changes integer[], room_ids uuid[], user_ids bigint[], joined_versions bigint[], joined_places bigint[],
--     joined_changes integer[], left_versions bigint[], left_places bigint[], left_changes integer[]) returns bigint
-- fold_stays_v2(base bigint, ended_rooms uuid[], ended_users bigint[], ended_versions bigint[], ended_places bigint[],
--     ended_changes integer[], room_ids uuid[], user_ids bigint[], joined_versions bigint[], joined_places bigint[],
--     joined_changes integer[], left_versions bigint[], left_places bigint[], left_changes integer[], reads_froms
--     bigint[], links bigint[]) returns bigint
-- fold_stays_v3(base bigint, ended_rooms uuid[], ended_users bigint[], ended_versions bigint[], ended_places bigint[],
--     ended_changes integer[], room_ids uuid[], user_ids bigint[], joined_versions bigint[], joined_places bigint[],
--     joined_changes integer[], left_versions bigint[], left_places bigint[], left_changes integer[], reads_froms
--     bigint[], links bigint[], saids bigint[]) returns bigint
-- forget_salts(of_table text, ids bigint[]) returns void
-- has_drawn_user_ids() returns boolean
-- held(asked_stream uuid, asked_versions bigint[]) returns TABLE(held_version bigint, held_by bigint)
-- holds_in_force() returns TABLE(hold bigint, person_id bigint, room_id uuid, since timestamp with time zone, until
--     timestamp with time zone, conversations boolean)
-- keep_user_ids_of_the_log() returns trigger
-- kept(asked_stream uuid, asked_versions bigint[]) returns TABLE(kept_version bigint, holds bigint[], rule bigint,
--     until timestamp with time zone)
-- list_unneeded_files() returns trigger
-- lock_and_look(folded_by text, streams uuid[], owners bigint[], keys text[], OUT head bigint, OUT checkpoint bigint,
--     OUT versions bigint[], OUT has_known_keys boolean) returns record
-- lock_and_look_v2(folded_by text, streams uuid[], known bigint[], owners bigint[], keys text[], OUT head bigint, OUT
--     checkpoint bigint, OUT versions bigint[], OUT has_known_keys boolean) returns record
-- log_contains(at bigint, hash bytea) returns boolean
-- log_hash(at bigint) returns bytea
-- look_at_log(known_position bigint, known_hash bytea, OUT generation bigint, OUT contains boolean, OUT head bigint,
--     OUT hash bytea) returns record
-- move_user_ids_beyond(highest bigint) returns void
-- old_messages(of_room uuid, posted_before timestamp with time zone, beyond bigint, at_most integer) returns bigint[]
-- put_fold_in_force(folded_by text, new_version integer) returns void
-- record_events(folded_by text, streams uuid[], versions bigint[], topics text[], states bytea[], key_owners bigint[],
--     keys text[], fingerprints bytea[], key_streams uuid[], key_versions bigint[]) returns bigint
-- record_events_v2(folded_by text, streams uuid[], versions bigint[], topics text[], states bytea[], salts bytea[],
--     contents text[], client_ids text[], compared text[], key_owners bigint[], keys text[], fingerprints bytea[],
--     key_streams uuid[], key_versions bigint[]) returns bigint
-- refuse_gaps_in_versions() returns trigger
-- refuse_to_change_the_log() returns trigger
-- refuse_to_change_words() returns trigger
-- refuse_to_erase_held_words() returns trigger
-- seal_changed_standings() returns trigger
-- seal_first_standings() returns trigger
-- seal_new_accounts() returns trigger
-- seal_new_action() returns trigger
-- standing_of(account users) returns text
-- standing_to_seal(standing account_standings) returns bytea
-- take_append_lock() returns void
-- take_append_lock_for_insert() returns trigger
-- text_to_seal(words text) returns bytea
-- with_edits(of_stream uuid, of_versions bigint[]) returns TABLE(asked bigint, edit bigint)
