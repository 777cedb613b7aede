"""The edge: Caddy with a constant configuration, and the two things that change beneath it, links and DNS records."""
