"""Localization files in ActivityNet's layout and the metrics that read only them: detection, spotting, segmentation."""
