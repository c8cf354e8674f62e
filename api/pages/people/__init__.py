"""The people of a room: the page, and the forms of owners and moderators on it."""
