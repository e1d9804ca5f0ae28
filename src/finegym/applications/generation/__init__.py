"""Motion that was never performed: a generator conditioned on attributes, and what judges it."""
