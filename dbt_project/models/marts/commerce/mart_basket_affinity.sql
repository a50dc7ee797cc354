-- One row per ordered pair of product categories often bought in one order, and data origin.
with

    order_lines as (
        select order_key, product_key, data_origin
        from {{ ref("fct_order_lines") }}
        where not is_volume_measured
    ),

    products as (
        select product_key, category from {{ ref("dim_product") }} where category is not null
    ),

    non_merchandise as (select category from {{ ref("non_merchandise_categories") }}),

    rules as (
        select max(rule_value) as min_support
        from {{ ref("mart_rules") }}
        where rule_key = 'affinity_min_support'
    ),

    order_categories as (
        select distinct order_lines.order_key, order_lines.data_origin, products.category
        from order_lines
        inner join products on order_lines.product_key = products.product_key
        left join non_merchandise on products.category = non_merchandise.category
        where non_merchandise.category is null
    ),

    merchandise_orders as (
        select data_origin, count(distinct order_key) as order_count
        from order_categories
        group by data_origin
    ),

    -- A pair cannot be more frequent than its rarer half: only these can form one.
    frequent_categories as (
        select
            order_categories.data_origin,
            order_categories.category,
            merchandise_orders.order_count,
            count(*) as category_order_count
        from order_categories
        inner join
            merchandise_orders on order_categories.data_origin = merchandise_orders.data_origin
        cross join rules
        group by
            order_categories.data_origin,
            order_categories.category,
            merchandise_orders.order_count,
            rules.min_support
        having count(*) >= rules.min_support * merchandise_orders.order_count
    ),

    -- Pairs are counted by number: half the time of counting them by name.
    numbered_categories as (
        select
            data_origin,
            category,
            row_number() over (order by data_origin nulls last, category nulls last) as category_no
        from frequent_categories
    ),

    frequent_order_categories as (
        select
            order_categories.order_key,
            order_categories.data_origin,
            numbered_categories.category_no
        from order_categories
        inner join
            numbered_categories
            on order_categories.data_origin = numbered_categories.data_origin
            and order_categories.category = numbered_categories.category
    ),

    numbered_pairs as (
        select
            antecedents.category_no as antecedent_no,
            consequents.category_no as consequent_no,
            count(*) as order_count_both
        from frequent_order_categories as antecedents
        inner join
            frequent_order_categories as consequents
            on antecedents.order_key = consequents.order_key
            and antecedents.data_origin = consequents.data_origin
            and antecedents.category_no < consequents.category_no
        group by antecedents.category_no, consequents.category_no
    ),

    pairs as (
        select
            antecedents.data_origin,
            antecedents.category as antecedent_category,
            consequents.category as consequent_category,
            numbered_pairs.order_count_both
        from numbered_pairs
        inner join
            numbered_categories as antecedents
            on numbered_pairs.antecedent_no = antecedents.category_no
        inner join
            numbered_categories as consequents
            on numbered_pairs.consequent_no = consequents.category_no
    ),

    ordered_pairs as (
        select data_origin, antecedent_category, consequent_category, order_count_both
        from pairs
        union all
        select
            data_origin,
            consequent_category as antecedent_category,
            antecedent_category as consequent_category,
            order_count_both
        from pairs
    ),

    final as (
        select
            ordered_pairs.antecedent_category,
            ordered_pairs.consequent_category,
            ordered_pairs.data_origin,
            cast(ordered_pairs.order_count_both as bigint) as order_count_both,
            cast(antecedents.category_order_count as bigint) as antecedent_order_count,
            cast(consequents.category_order_count as bigint) as consequent_order_count,
            cast(antecedents.order_count as bigint) as order_count,
            cast(ordered_pairs.order_count_both as double)
            / nullif(cast(antecedents.order_count as double), 0) as support,
            cast(ordered_pairs.order_count_both as double)
            / nullif(cast(antecedents.category_order_count as double), 0) as confidence,
            cast(ordered_pairs.order_count_both as double)
            * cast(antecedents.order_count as double)
            / nullif(
                cast(antecedents.category_order_count as double)
                * cast(consequents.category_order_count as double),
                0
            ) as lift
        from ordered_pairs
        cross join rules
        inner join
            frequent_categories as antecedents
            on ordered_pairs.data_origin = antecedents.data_origin
            and ordered_pairs.antecedent_category = antecedents.category
        inner join
            frequent_categories as consequents
            on ordered_pairs.data_origin = consequents.data_origin
            and ordered_pairs.consequent_category = consequents.category
        where ordered_pairs.order_count_both >= rules.min_support * antecedents.order_count
    )

select *
from final
