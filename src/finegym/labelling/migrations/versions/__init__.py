"""The steps, in the order that their ``down_revision`` says. A step that was published is never changed."""
