"""From annotations to a dataset that can be published: splits behind a leak gate, cards, metadata, exports, hashes."""
