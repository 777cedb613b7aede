"""What a repository holds, and how it is installed, built and started: read off its own files.

The one place that knows. ``detecting`` answers for whoever asks beforehand, and builds take their commands from the
same rules. Everything but ``reading`` is a pure function of a ``Tree``.
"""
