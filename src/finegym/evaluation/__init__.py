"""Prediction files, and the metrics that read only them."""
