"""Telling channels of events: what is sent, how it gets there, and how it fared."""
