"""How MeetsMatch lives with what it depends on: limits, breakers, degraded modes, and faults injected on purpose.

`policies` declares every dependency in one place. Gateways, and nobody else, pass their calls through its `guard`.
"""
