"""What the files show: exact frames, and clips cut from them."""
