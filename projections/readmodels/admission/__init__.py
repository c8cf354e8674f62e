"""Who may enter rooms, and what members may read: rows, facts and queries."""
