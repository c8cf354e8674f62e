"""The JSON API of rooms, and of what is in them."""
