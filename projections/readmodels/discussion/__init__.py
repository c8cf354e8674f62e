"""Edits, retractions, reactions and pins of messages: rows, facts for decisions, and messages as they are shown."""
