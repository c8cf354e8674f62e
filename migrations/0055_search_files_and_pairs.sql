-- Messages with files are found by `has:file`, and two short words in a row are a token: what was indexed is indexed again.
TRUNCATE search_index;
DELETE FROM checkpoints WHERE projection = 'search';
