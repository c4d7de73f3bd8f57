-- A person's attendance of a GoTo webinar, all stays together.
with stays as (
  select t.session_key, t.registrant_key, min(t.join_time) as joined_at, max(t.leave_time) as left_at
  from {{read "attendees_attendance" `
    session_key varchar, registrant_key bigint, join_time timestamp, leave_time timestamp`}} as t
  group by t.session_key, t.registrant_key
), attended as (
  select
    i.event_id,
    cast(a.registrant_key as varchar) as registration_id,
    nullif(lower(trim(a.email)), '') as person,
    s.joined_at,
    s.left_at,
    coalesce(a.attendance_time_in_seconds, 0) as seconds
  from {{read "attendees" `
    session_key varchar, registrant_key bigint, email varchar, attendance_time_in_seconds bigint`}} as a
  join model_instances as i on i.instance_id = a.session_key
  left join stays as s on s.session_key = a.session_key and s.registrant_key = a.registrant_key
)
select
  event_id,
  max(registration_id) as registration_id,
  coalesce(person, registration_id) as visitor,
  max(person) as person,
  'live' as mode,
  min(joined_at) as joined_at,
  max(left_at) as left_at,
  cast(sum(seconds) as bigint) as seconds,
  cast(null as double) as score
from attended
group by event_id, coalesce(person, registration_id)
