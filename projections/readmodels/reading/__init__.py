"""How far users have read, and what is unread."""
