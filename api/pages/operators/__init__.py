"""Pages for admins and operators."""
