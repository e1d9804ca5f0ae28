"""An estimate of the execution score from poses, each tenth traced to a sub-action, a fault and its frames."""
