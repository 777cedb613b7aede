"""How hard the machines try: enough to meet what two commands can do to each other, bounded on a busy computer."""

from hypothesis import HealthCheck, settings

settings.register_profile("machines", max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("machines")
