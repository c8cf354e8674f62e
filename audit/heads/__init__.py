"""Heads: a signed statement of the newest version of each stream in a signed tree, so that an export is known whole."""
