"""Every table and figure of the paper, and a few of ours: one module a study; ``finegym.studies.all`` lists them."""
