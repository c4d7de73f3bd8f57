-- A planned time of a GoTo webinar, with all sessions that belong to it, or a session that no plan is known of. GoTo tells of no test.
with planned as (
  select
    w.webinar_key || '/' || cast(cast(to_unixtime(t.start_time) as bigint) as varchar) as event_id,
    w.webinar_key as webinar_id,
    w.subject as title,
    w.time_zone as zone,
    t.start_time as starts_at,
    t.end_time as ends_at,
    t.start_time_local as starts_local
  from {{read "webinars" `webinar_key varchar, subject varchar, time_zone varchar`}} as w
  join {{read "webinars_times" `
    webinar_key varchar, start_time timestamp, start_time_local timestamp, end_time timestamp`}} as t on t.webinar_key = w.webinar_key
), held as (
  select
    event_id,
    max(webinar_id) as webinar_id,
    max(title) as title,
    max(zone) as zone,
    min(starts_at) as starts_at,
    min(began_local) as began_local,
    max(ended_at) as ends_at,
    cast(round((max(to_unixtime(ended_at)) - min(to_unixtime(began_at))) / 60) as bigint) as minutes,
    max(registrants) as registrants
  from model_instances
  group by event_id
)
select
  coalesce(h.event_id, p.event_id) as event_id,
  coalesce(h.webinar_id, p.webinar_id) as webinar_id,
  coalesce(h.title, p.title) as title,
  coalesce(h.title, p.title) as topic,
  coalesce(h.starts_at, p.starts_at) as starts_at,
  coalesce(h.ends_at, p.ends_at) as ends_at,
  coalesce(h.zone, p.zone) as zone,
  coalesce(p.starts_local, h.began_local) as starts_local,
  coalesce(cast(round((to_unixtime(p.ends_at) - to_unixtime(p.starts_at)) / 60) as bigint), h.minutes) as minutes,
  cast(null as boolean) as is_test,
  h.event_id is not null as held,
  h.registrants
from planned as p
full outer join held as h on h.event_id = p.event_id
