"""The expectation types a suite may use, and why the others may not be used.

Great Expectations' own names in snake case, tried on DuckDB through our dialect, and
five of ours (`expectations_sql`). A type that answers wrongly on DuckDB is refused when
the suite is loaded, with what to use instead. Their arguments belong to the suites.
"""

ROW_TYPES = (
    "expect_column_values_to_be_between",
    "expect_column_values_to_be_in_set",
    "expect_column_values_to_not_be_in_set",
    "expect_column_values_to_be_null",
    "expect_column_values_to_not_be_null",
    "expect_column_values_to_be_unique",
    "expect_column_value_lengths_to_be_between",
    "expect_column_value_lengths_to_equal",
    "expect_column_pair_values_a_to_be_greater_than_b",
    "expect_column_pair_values_to_be_equal",
    "expect_compound_columns_to_be_unique",
    "expect_select_column_values_to_be_unique_within_record",
)
"""Great Expectations' own, judged row by row; `mostly` is allowed."""

AGGREGATE_TYPES = (
    "expect_column_distinct_values_to_be_in_set",
    "expect_column_distinct_values_to_contain_set",
    "expect_column_distinct_values_to_equal_set",
    "expect_column_max_to_be_between",
    "expect_column_mean_to_be_between",
    "expect_column_median_to_be_between",
    "expect_column_min_to_be_between",
    "expect_column_proportion_of_non_null_values_to_be_between",
    "expect_column_proportion_of_unique_values_to_be_between",
    "expect_column_quantile_values_to_be_between",
    "expect_column_stdev_to_be_between",
    "expect_column_sum_to_be_between",
    "expect_column_unique_value_count_to_be_between",
    "expect_table_row_count_to_be_between",
    "expect_table_row_count_to_equal",
)
"""Great Expectations' own, one number for the table."""

OWN_TYPES = (
    "expect_column_values_to_match_pattern",
    "expect_key_to_be_unique",
    "expect_share_of_rows_to_be_at_most",
    "expect_orphan_share_to_be_at_most",
    "expect_measure_to_be_between",
)
"""Ours; each is explained in expectations/README.md."""

COUNTED_TYPES = OWN_TYPES[1:]
"""Those of ours that are one statement which counts; the pattern is judged row by row."""

ALLOWED_TYPES = (*ROW_TYPES, *AGGREGATE_TYPES, *OWN_TYPES)

COLUMNS_TYPE = "expect_columns_to_match_contract"
"""Name under which the comparison of columns appears in results; not written in suites."""

REFUSED_TYPES = {
    "expect_column_values_to_match_regex": "does not run on DuckDB; "
    "use expect_column_values_to_match_pattern",
    "expect_column_values_to_not_match_regex": "does not run on DuckDB; "
    "use expect_share_of_rows_to_be_at_most",
    "expect_column_values_to_match_like_pattern": "does not run on DuckDB; "
    "use expect_column_values_to_match_pattern",
    "expect_column_values_to_be_of_type": "answers wrongly on DuckDB; "
    "write the type under `columns`",
    "expect_column_values_to_be_in_type_list": "columns are compared by name and type already; "
    "write the type under `columns`",
    "expect_column_most_common_value_to_be_in_set": "answers wrongly on ties and prints values; "
    "use expect_measure_to_be_between",
    "expect_multicolumn_sum_to_equal": "answers wrongly when a column is repeated; "
    "use expect_share_of_rows_to_be_at_most",
    "expect_table_row_count_to_equal_other_table": "loses the schema's name on DuckDB; "
    "use expect_measure_to_be_between",
    "unexpected_rows_expectation": "returns rows of the data; "
    "use expect_share_of_rows_to_be_at_most",
}
"""Types known to be wrong or unable here, with what to write instead (measured 2026-11)."""
