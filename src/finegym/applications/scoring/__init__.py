"""The difficulty score of a routine by a code of points that is data, every tenth traced to an element or a rule."""
