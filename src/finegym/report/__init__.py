"""Pages and plots that other rooms fill with numbers and pictures."""
