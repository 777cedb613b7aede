"""Managed databases on this machine: their servers behind sandbox walls, and their backups as files."""
