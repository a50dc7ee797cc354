"""Shopthread: an orchestrated, cross-channel customer data warehouse for retailers.

Folders stand in the order of the flow: `sources` read, `landing` accepts or refuses,
`quality` judges, `warehouse` runs dbt, `publish` makes a version visible, `report` and
`cli` show it. Those are pure Python. `components` and `defs` wire them to Dagster.
Nothing is imported or executed here.
"""
