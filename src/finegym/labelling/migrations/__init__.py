"""How the tables came to be, a step a file. ``labelling.migrate`` runs what is missing."""
