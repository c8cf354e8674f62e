"""Search in messages: what is asked for, the index, and what a reader finds in it."""
