"""The main job: from a competition nobody filmed to one page, by the same calls that real data takes."""
