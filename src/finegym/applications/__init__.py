"""Answers about a recording: what was done, what it scores, why."""
