-- A registration at Zoom. It is for the webinar's number, so it counts for each of its times but those that were over before.
with registered as (
  select r.*, row_number() over (partition by r.webinar_id, r.id order by r.place, r.create_time desc nulls last) as newest
  from (
    select a.*, 1 as place from {{read "registrants" .registrant}} as a
    union all
    select p.*, 2 as place from {{read "registrants_pending" .registrant}} as p
    union all
    select d.*, 3 as place from {{read "registrants_denied" .registrant}} as d
  ) as r
)
select
  e.event_id,
  r.id as registration_id,
  coalesce(nullif(lower(trim(r.email)), ''), r.id) as visitor,
  nullif(lower(trim(r.email)), '') as person,
  cast(null as varchar) as contact,
  nullif(r.org, '') as company,
  nullif(r.job_title, '') as job_title,
  nullif(r.country, '') as country,
  r.create_time as registered_at,
  case r.status when 'pending' then 'waiting' when 'denied' then 'denied' else 'active' end as status,
  cast(null as varchar) as source,
  cast(null as varchar) as profile
from registered as r
join model_events as e on e.webinar_id = cast(r.webinar_id as varchar)
where r.newest = 1
  and (e.starts_at = r.webinar_start_time or coalesce(r.create_time < coalesce(e.ends_at, e.starts_at + interval '1' day), true))
