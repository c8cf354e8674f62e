-- What each witness saw last, and why it did not sign, if so.
CREATE TABLE audit_witnesses (
    epoch integer NOT NULL,
    name text NOT NULL,
    size bigint NOT NULL DEFAULT 0,
    cosigned_at timestamptz,
    asked_at timestamptz NOT NULL DEFAULT now(),
    problem text,
    PRIMARY KEY (epoch, name)
);
ALTER TABLE audit_witnesses ALTER COLUMN problem SET STATISTICS 0;
