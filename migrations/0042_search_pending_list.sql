-- Entries are added to the index of words many rows at a time: one by one they took most of the time. The list of pending ones
-- stays so short that a search reads it in a millisecond.
ALTER INDEX search_index_tokens_idx SET (fastupdate = on, gin_pending_list_limit = 256);
