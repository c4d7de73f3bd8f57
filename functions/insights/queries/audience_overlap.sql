-- Which webinars the same people come to, and so which to announce to each other's audience: the 500 pairs with the most people in both. A
-- share is that of the smaller audience. A pair is met through a person who is in both, so the work grows with what people attend and not
-- with the square of the webinars.
with audience as (
  select event_id, person, title, starts_at, count(*) over (partition by event_id) as people
  from (
    select distinct a.event_id, a.person, e.title, e.starts_at
    from model_attendances as a
    join model_events as e on e.event_id = a.event_id
    where a.person is not null and not coalesce(e.is_test, false)
  ) as visitors
), pairs as (
  select
    x.event_id as event_a,
    max(x.title) as title_a,
    y.event_id as event_b,
    max(y.title) as title_b,
    max(x.people) as audience_a,
    max(y.people) as audience_b,
    count(*) as people
  from audience as x
  join audience as y
    on y.person = x.person and (x.starts_at < y.starts_at or (x.starts_at = y.starts_at and x.event_id < y.event_id))
  group by x.event_id, y.event_id
)
select
  event_a,
  title_a,
  event_b,
  title_b,
  audience_a,
  audience_b,
  people as "both",
  round(cast(people as double) / cast(least(audience_a, audience_b) as double), 3) as share
from pairs
order by people desc, share desc, event_a, event_b
limit 500
