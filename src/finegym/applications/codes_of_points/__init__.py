"""Codes of points that come with finegym, as YAML files beside this one."""
