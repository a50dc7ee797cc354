-- One row per record of a contract and identifier it carries. A view: observations and
-- edges read it once each. A new contract with identifiers is one more branch here.
{{ config(materialized="view") }}
with

    transactions as (
        select source_key, source_record_id, loyalty_card_token, business_date, data_origin
        from {{ ref("stg_pos__transactions") }}
    ),

    sends as (
        select source_key, source_record_id, loyalty_card_token, data_origin
        from {{ ref("stg_mail__sends") }}
    ),

    coupon_events as (
        select source_key, source_record_id, loyalty_card_token, business_date, data_origin
        from {{ ref("stg_coupons__events") }}
    ),

    contacts as (
        select source_key, source_record_id, loyalty_card_token, data_origin
        from {{ ref("stg_crm__contacts") }}
    ),

    unioned as (
        select
            source_key,
            'stg_pos__transactions' as entity,
            source_record_id,
            'loyalty_card' as identifier_type,
            loyalty_card_token as token,
            business_date as seen_date,
            data_origin
        from transactions
        union all
        -- The window of a campaign is no day on which anybody was seen.
        select
            source_key,
            'stg_mail__sends' as entity,
            source_record_id,
            'loyalty_card' as identifier_type,
            loyalty_card_token as token,
            cast(null as date) as seen_date,
            data_origin
        from sends
        union all
        select
            source_key,
            'stg_coupons__events' as entity,
            source_record_id,
            'loyalty_card' as identifier_type,
            loyalty_card_token as token,
            business_date as seen_date,
            data_origin
        from coupon_events
        union all
        select
            source_key,
            'stg_crm__contacts' as entity,
            source_record_id,
            'loyalty_card' as identifier_type,
            loyalty_card_token as token,
            cast(null as date) as seen_date,
            data_origin
        from contacts
    ),

    final as (
        select
            source_key,
            entity,
            source_record_id,
            {{ node_key("identifier_type", "token") }} as node_key,
            identifier_type,
            token,
            seen_date,
            data_origin
        from unioned
        where token is not null
    )

select *
from final
