"""What members do about a message that was said: edit, retract, react, pin. Each subject has a module."""
