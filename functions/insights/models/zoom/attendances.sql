-- All stays of one person at a Zoom webinar, the host's and those in the waiting room left out. A registrant is known by the address of the
-- registration, anybody else by the account's; of a guest nothing is known but a number within the instance.
with registered as (
  select webinar_id, id, max(nullif(lower(trim(email)), '')) as email
  from (
    select a.webinar_id, a.id, a.email from {{read "registrants" .registrant}} as a
    union all
    select p.webinar_id, p.id, p.email from {{read "registrants_pending" .registrant}} as p
    union all
    select d.webinar_id, d.id, d.email from {{read "registrants_denied" .registrant}} as d
  ) as r
  group by webinar_id, id
), stays as (
  select
    i.event_id,
    nullif(p.registrant_id, '') as registration_id,
    coalesce(r.email, nullif(lower(trim(p.user_email)), '')) as person,
    coalesce(nullif(p.registrant_id, ''), nullif(p.id, ''), p.webinar_uuid || '/' || p.user_id) as guest,
    p.join_time,
    p.leave_time,
    coalesce(p.duration, 0) as seconds
  from {{read "participants" `
    webinar_uuid varchar, webinar_id bigint, registrant_id varchar, id varchar, user_id varchar, user_email varchar,
    join_time timestamp, leave_time timestamp, duration bigint, status varchar`}} as p
  join model_instances as i on i.instance_id = p.webinar_uuid
  left join registered as r on r.webinar_id = p.webinar_id and r.id = p.registrant_id
  where coalesce(p.status, '') <> 'in_waiting_room' and nullif(lower(trim(p.user_email)), '') is distinct from i.host
)
select
  event_id,
  max(registration_id) as registration_id,
  coalesce(person, guest) as visitor,
  max(person) as person,
  'live' as mode,
  min(join_time) as joined_at,
  max(leave_time) as left_at,
  cast(sum(seconds) as bigint) as seconds,
  cast(null as double) as score
from stays
group by event_id, coalesce(person, guest)
