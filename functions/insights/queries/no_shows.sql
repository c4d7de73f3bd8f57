-- Whom to send the recording, or to invite to the next date: who registered for a webinar that is over, and neither came nor watched it since.
-- Who may not be written to is left out.
select
  e.event_id,
  e.title,
  e.starts_at,
  r.person,
  r.contact,
  r.company,
  r.job_title,
  r.registered_at,
  r.registration_id
from (
  select
    *,
    max(case when status in ('forgotten', 'blocked') then 1 else 0 end) over (partition by person) as refused
  from model_registrations
) as r
join model_events as e on e.event_id = r.event_id
left join (select distinct event_id, visitor from model_attendances) as a on a.event_id = r.event_id and a.visitor = r.visitor
where e.held
  and not coalesce(e.is_test, false)
  and r.status in ('active', 'waiting')
  and (r.refused = 0 or r.person is null)
  and a.event_id is null
order by e.starts_at desc nulls last, e.event_id, r.registered_at nulls last, r.registration_id
