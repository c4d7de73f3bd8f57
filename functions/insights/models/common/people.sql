-- Whom the lake knows by a registration with an address: what the newest one says of them, and whether they may be written to or called:
-- not who is forgotten or blocked at any event, nor whose registrations are all deleted.
select
  person,
  max(case when newest = 1 then contact end) as contact,
  max(case when newest = 1 then company end) as company,
  max(case when newest = 1 then job_title end) as job_title,
  max(case when newest = 1 then country end) as country,
  max(case when newest = 1 then profile end) as profile,
  max(case when status in ('forgotten', 'blocked') then 1 else 0 end) = 0
    and max(case when status <> 'deleted' then 1 else 0 end) = 1 as reachable
from (
  select
    person, contact, company, job_title, country, profile, status,
    row_number() over (partition by person order by registered_at desc nulls last, event_id desc, registration_id desc) as newest
  from model_registrations
  where person is not null
) as known
group by person
