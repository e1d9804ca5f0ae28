"""The app over HTTP: a router a noun; handlers parse, call the workflow, respond."""
