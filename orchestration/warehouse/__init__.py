"""The file dbt builds in, the parsed dbt project, and one way to run dbt.

Models are not here (`dbt_project/`), nor is anything of Dagster. Readers never open this
file: what they see is made by `orchestration.publish`.
"""
