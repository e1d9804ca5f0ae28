"""How far people agree, what they agree on, and who is ready to work."""
