"""What Dagster is taught once and used by every definition: classes, no instances.

The source component, the dbt layers, the checks made from suites, the guard. Instances
lie in `orchestration.defs`; anything that would work without Dagster lies above both.
"""
