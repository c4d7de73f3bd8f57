-- A planned time of a Zoom webinar, with all instances that belong to it, or an instance that no plan is known of. Zoom tells the length of
-- what is over only, no zone, no test, and no number of registrants.
with planned as (
  select
    u.id || '/' || cast(cast(to_unixtime(u.start_time) as bigint) as varchar) as event_id,
    u.id as webinar_id,
    u.topic as title,
    u.start_time as starts_at
  from {{read "upcoming" `id varchar, topic varchar, start_time timestamp`}} as u
), held as (
  select
    event_id,
    max(webinar_id) as webinar_id,
    max(title) as title,
    min(starts_at) as starts_at,
    max(ended_at) as ends_at,
    cast(round((max(to_unixtime(ended_at)) - min(to_unixtime(began_at))) / 60) as bigint) as minutes
  from model_instances
  group by event_id
)
select
  coalesce(h.event_id, p.event_id) as event_id,
  coalesce(h.webinar_id, p.webinar_id) as webinar_id,
  coalesce(h.title, p.title) as title,
  coalesce(h.title, p.title) as topic,
  coalesce(h.starts_at, p.starts_at) as starts_at,
  h.ends_at,
  cast(null as varchar) as zone,
  cast(null as timestamp) as starts_local,
  h.minutes,
  cast(null as boolean) as is_test,
  h.event_id is not null as held,
  cast(null as bigint) as registrants
from planned as p
full outer join held as h on h.event_id = p.event_id
