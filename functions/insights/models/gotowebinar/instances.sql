-- Which event a session of a GoTo webinar belongs to: the planned time nearest to its beginning, within half a day, of its webinar; where none
-- is known, to its own time.
with placed as (
  select
    s.session_key,
    s.webinar_key,
    s.webinar_name,
    s.start_time,
    s.start_time_local,
    s.end_time,
    s.time_zone,
    s.registrant_count,
    t.start_time as planned_at,
    row_number() over (
      partition by s.session_key
      order by abs(to_unixtime(s.start_time) - to_unixtime(t.start_time)) nulls last, t.start_time nulls last
    ) as nearest
  from {{read "sessions" `
    session_key varchar, webinar_key varchar, webinar_name varchar, start_time timestamp, start_time_local timestamp, end_time timestamp,
    time_zone varchar, registrant_count bigint`}} as s
  left join {{read "webinars_times" `webinar_key varchar, start_time timestamp`}} as t
    on t.webinar_key = s.webinar_key and abs(to_unixtime(s.start_time) - to_unixtime(t.start_time)) <= 43200
)
select
  session_key as instance_id,
  webinar_key || '/' || cast(cast(to_unixtime(coalesce(planned_at, start_time)) as bigint) as varchar) as event_id,
  webinar_key as webinar_id,
  webinar_name as title,
  coalesce(planned_at, start_time) as starts_at,
  start_time as began_at,
  end_time as ended_at,
  start_time_local as began_local,
  time_zone as zone,
  registrant_count as registrants
from placed
where nearest = 1
