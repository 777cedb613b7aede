"""What can be looked up? Read models that can be grown again at any time from the log alone."""
