{#-
  What each contract takes record by record: from which adapter, which of several versions of
  a record it keeps, and which amounts must add up. The contract and its account read the
  same line, so that they cannot mean two different records.
-#}
{% macro accounted_records() -%}
    {{
        return(
            [
                {
                    "contract": "stg_finance__fx_rates",
                    "adapter": "src_maple_finance__fx_rates",
                    "key": ["rate_date", "base_currency", "quote_currency"],
                },
            ]
        )
    }}
{%- endmacro %}
