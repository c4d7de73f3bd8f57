-- Which event an instance of a Zoom webinar belongs to: the planned time nearest to its beginning, within half a day, of the webinar with
-- its number; where none is known, to its own time. One that was over before the planned time was a rehearsal, and is left out.
with placed as (
  select
    w.uuid,
    w.id,
    w.topic,
    w.start_time,
    w.end_time,
    nullif(lower(trim(w.email)), '') as host,
    u.start_time as planned_at,
    row_number() over (
      partition by w.uuid
      order by abs(to_unixtime(w.start_time) - to_unixtime(u.start_time)) nulls last, u.start_time nulls last
    ) as nearest
  from {{read "webinars" `uuid varchar, id bigint, topic varchar, email varchar, start_time timestamp, end_time timestamp`}} as w
  left join {{read "upcoming" `id varchar, start_time timestamp`}} as u
    on u.id = cast(w.id as varchar) and abs(to_unixtime(w.start_time) - to_unixtime(u.start_time)) <= 43200
)
select
  uuid as instance_id,
  cast(id as varchar) || '/' || cast(cast(to_unixtime(coalesce(planned_at, start_time)) as bigint) as varchar) as event_id,
  cast(id as varchar) as webinar_id,
  topic as title,
  coalesce(planned_at, start_time) as starts_at,
  start_time as began_at,
  end_time as ended_at,
  host
from placed
where nearest = 1 and (planned_at is null or end_time > planned_at)
