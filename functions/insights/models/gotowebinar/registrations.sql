-- A registration at GoTo. It is for the webinar, so it counts for each of its times but those that were over before.
select
  e.event_id,
  cast(r.registrant_key as varchar) as registration_id,
  coalesce(nullif(lower(trim(r.email)), ''), cast(r.registrant_key as varchar)) as visitor,
  nullif(lower(trim(r.email)), '') as person,
  cast(null as varchar) as contact,
  cast(null as varchar) as company,
  cast(null as varchar) as job_title,
  cast(null as varchar) as country,
  r.registration_date as registered_at,
  case upper(r.status) when 'WAITING' then 'waiting' when 'DENIED' then 'denied' else 'active' end as status,
  cast(null as varchar) as source,
  cast(null as varchar) as profile
from {{read "registrants" `
  webinar_key varchar, registrant_key bigint, email varchar, registration_date timestamp, status varchar`}} as r
join model_events as e on e.webinar_id = r.webinar_key
where coalesce(r.registration_date < coalesce(e.ends_at, e.starts_at + interval '1' day), true)
