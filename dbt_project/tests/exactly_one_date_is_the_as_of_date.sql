select count(*) as row_count
from {{ ref("int_calendar__as_of") }}
having count(*) <> 1 or count(as_of) <> 1
