-- Which twenty pairs of categories are bought together more often than chance would have it?
select antecedent_category, consequent_category, order_count_both, round(lift, 4) as lift
from commerce.mart_basket_affinity
where antecedent_category < consequent_category
order by mart_basket_affinity.lift desc, antecedent_category, consequent_category
limit 20
