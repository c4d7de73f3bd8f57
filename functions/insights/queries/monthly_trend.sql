-- Whether webinars do better than they did: each month beside the one before it that had any. A month is that of the webinar's own zone.
with months as (
  select
    substr(cast(starts_local as varchar), 1, 7) as month,
    count(*) as webinars,
    cast(sum(registered) as bigint) as registered,
    cast(sum(came) as bigint) as came,
    cast(sum(seconds) as bigint) as seconds,
    cast(sum(questions) as bigint) as questions
  from model_turnout
  where starts_local is not null
  group by substr(cast(starts_local as varchar), 1, 7)
)
select
  month,
  webinars,
  registered,
  came,
  case when registered > 0 then round(cast(came as double) / cast(registered as double), 3) end as came_share,
  case when came > 0 then round(cast(seconds as double) / 60 / cast(came as double), 1) end as average_minutes,
  questions,
  lag(registered) over (order by month) as registered_before,
  lag(came) over (order by month) as came_before
from months
order by month
