"""Read a delivered text strictly, by the dialect that its entity declares.

`lines` opens bytes, `csv_records` and `json_records` find records, `count` counts them
another way, `reading` writes them as texts into a Parquet file. What a value means, and
whether a row is good, belongs to `orchestration.landing`.
"""
