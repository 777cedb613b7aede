"""What may be asked, and what then happens? Pure but for the ports that the handler is given."""
