"""What can happen: events, sets, elements, trees; YAML; official FineGym files; built-in codebooks.

Nothing is imported here: ``finegym codebook show`` starts with what it needs.
"""
