"""Read one external system: what it delivers, for which days, and where the files lie.

Knows nothing of landing, of the warehouse, or of Dagster. Judging and keeping what was
delivered belongs to `orchestration.landing`.
"""
