"""Who may do what in a room: roles, moderation, the topic, archiving."""
