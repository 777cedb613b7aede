"""The plane of ``tests/dialects``, whose routes are walked here."""

from tests.dialects.conftest import plane

__all__ = ["plane"]
