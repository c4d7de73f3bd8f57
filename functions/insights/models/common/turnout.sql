-- What came of each webinar that is over, tests left out. Whoever came live counts as one who came. Who was there for three quarters of the
-- webinar's length has stayed. Where the vendor counts more registrants than the lake has rows of, its count holds: registrations may be
-- older than the lake. Everything that is told of a visitor is brought together first, so that each view is read once.
with told as (
  select event_id, visitor, 1 as registered, cast(null as varchar) as mode, cast(null as bigint) as seconds, cast(null as double) as score,
    cast(null as varchar) as kind
  from model_registrations
  where status <> 'denied'
  union all
  select event_id, visitor, 0, mode, seconds, score, null
  from model_attendances
  union all
  select event_id, visitor, 0, null, null, null, kind
  from model_interactions
  where kind in ('question', 'download')
), visitors as (
  select
    event_id,
    visitor,
    max(registered) as registered,
    max(case when mode = 'live' then 1 else 0 end) as came,
    max(case when mode = 'on demand' then 1 else 0 end) as watched,
    coalesce(sum(case when mode = 'live' then seconds end), 0) as seconds,
    max(score) as score,
    sum(case when kind = 'question' then 1 else 0 end) as questions,
    max(case when kind = 'download' then 1 else 0 end) as downloaded
  from told
  group by event_id, visitor
), outcomes as (
  select
    e.event_id,
    e.title,
    e.topic,
    e.starts_at,
    coalesce(e.starts_local, e.starts_at) as starts_local,
    coalesce(e.registrants, 0) as registrants,
    coalesce(sum(v.registered), 0) as registered,
    coalesce(sum(v.came), 0) as came,
    coalesce(sum(v.watched), 0) as watched,
    coalesce(sum(case when v.came = 1 and v.seconds * 4 >= e.minutes * 180 then 1 else 0 end), 0) as stayed,
    -- Each question that was asked without a name counts as somebody's.
    coalesce(sum(case when v.visitor is null then v.questions when v.questions > 0 then 1 else 0 end), 0) as asked,
    coalesce(sum(v.downloaded), 0) as downloaded,
    coalesce(sum(v.questions), 0) as questions,
    coalesce(sum(v.seconds), 0) as seconds,
    sum(case when v.came = 1 then cast(v.score as decimal(12, 3)) end) as scores,
    coalesce(sum(case when v.came = 1 and v.score is not null then 1 else 0 end), 0) as scored
  from model_events as e
  left join visitors as v on v.event_id = e.event_id
  where e.held and not coalesce(e.is_test, false)
  group by e.event_id, e.title, e.topic, e.starts_at, e.starts_local, e.registrants
)
select
  event_id,
  title,
  topic,
  starts_at,
  starts_local,
  cast(case when registrants > registered then registrants else registered end as bigint) as registered,
  cast(came as bigint) as came,
  cast(watched as bigint) as watched_later,
  cast(stayed as bigint) as stayed,
  cast(asked as bigint) as asked,
  cast(downloaded as bigint) as downloaded,
  cast(questions as bigint) as questions,
  cast(seconds as bigint) as seconds,
  coalesce(cast(scores as double), 0) as scores,
  cast(scored as bigint) as scored
from outcomes
