"""Snippet features: a vector every few frames of a record or of an action, computed once."""
