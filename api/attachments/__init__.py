"""Files that members attach to messages: their rows, their bytes, and what kind of file each is."""
