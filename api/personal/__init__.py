"""What goes to a user's own channel and is not in the log."""
