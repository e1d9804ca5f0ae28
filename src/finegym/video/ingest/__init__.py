"""Taking records in: what is on them, whole or not, cut where, and what people and machines look at first."""
