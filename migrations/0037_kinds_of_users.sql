-- Bots are accounts that programs use; an operator says which. `kind` is what people are shown of an account, most telling
-- first; null for an ordinary one.
ALTER TABLE users ADD COLUMN is_bot boolean NOT NULL DEFAULT false;
ALTER TABLE users ADD COLUMN kind text GENERATED ALWAYS AS (CASE
    WHEN erased_at IS NOT NULL THEN 'erased'
    WHEN deactivated_at IS NOT NULL THEN 'deactivated'
    WHEN is_bot THEN 'bot'
    WHEN role = 'admin' THEN 'admin'
END) STORED;
