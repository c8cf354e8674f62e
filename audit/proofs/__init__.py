"""Proof files, and what they need to be trusted."""
