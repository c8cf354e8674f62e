"""What owners and moderators of rooms decided."""
