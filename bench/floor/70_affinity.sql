-- Pairs of categories in one order. The self-join is the heaviest statement of the floor, so
-- it joins small integers and not texts.

create temp table non_merchandise as
select category from read_csv(getvariable('seeds') || '/non_merchandise_categories.csv');

create temp table numbered_categories as
select category, cast(row_number() over (order by category) as usmallint) as category_no
from (select distinct category from catalogue where category is not null)
where category not in (select category from non_merchandise);

create temp table basket_categories as
select distinct lines.basket_id, numbered_categories.category_no
from lines
inner join catalogue on lines.product_id = catalogue.product_id
inner join numbered_categories on catalogue.category = numbered_categories.category
where not catalogue.is_volume_measured;

create table commerce.mart_basket_affinity as
with
    rule as (
        select max(rule_value) as min_support
        from
            read_csv(
                getvariable('seeds') || '/mart_rules.csv',
                types = {'rule_value': 'decimal(18,4)'}
            )
        where rule_key = 'affinity_min_support'
    ),
    total as (select count(distinct basket_id) as order_count from basket_categories),
    frequent as (
        select
            basket_categories.category_no,
            min(numbered_categories.category) as category,
            count(*) as category_orders
        from basket_categories
        inner join
            numbered_categories
            on basket_categories.category_no = numbered_categories.category_no
        group by basket_categories.category_no
        having count(*) >= (select min_support * order_count from rule, total)
    ),
    kept as (
        select basket_categories.basket_id, basket_categories.category_no
        from basket_categories
        semi join frequent on basket_categories.category_no = frequent.category_no
    ),
    pairs as (
        select
            one.category_no as first_no,
            other.category_no as second_no,
            count(*) as both_orders
        from kept as one
        inner join
            kept as other
            on one.basket_id = other.basket_id
            and one.category_no < other.category_no
        group by one.category_no, other.category_no
        having count(*) >= (select min_support * order_count from rule, total)
    ),
    both_ways as (
        select first_no, second_no, both_orders from pairs
        union all
        select second_no, first_no, both_orders from pairs
    )
select
    antecedent.category as antecedent_category,
    consequent.category as consequent_category,
    'panel' as data_origin,
    both_ways.both_orders as order_count_both,
    antecedent.category_orders as antecedent_order_count,
    consequent.category_orders as consequent_order_count,
    total.order_count,
    cast(both_orders as double) / cast(order_count as double) as support,
    cast(both_orders as double) / cast(antecedent.category_orders as double) as confidence,
    cast(both_orders as double)
    * cast(order_count as double)
    / (
        cast(antecedent.category_orders as double) * cast(consequent.category_orders as double)
    ) as lift
from both_ways
cross join total
inner join frequent as antecedent on both_ways.first_no = antecedent.category_no
inner join frequent as consequent on both_ways.second_no = consequent.category_no;
