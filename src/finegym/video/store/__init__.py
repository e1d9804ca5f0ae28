"""The clip store: every clip of a dataset cut once, made for decoding, in a few large files. See ``docs/clips.md``."""
