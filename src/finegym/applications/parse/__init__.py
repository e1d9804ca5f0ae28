"""From a recording that nobody has labelled to routines, sub-actions, elements, paths and scores."""
