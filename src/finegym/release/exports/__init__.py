"""Releases for other tools: one file a format; ``exports.write`` has the table of them."""
