"""Finding actions in records and sub-actions in actions: timelines, snippets, the frame of training, the localizers."""
