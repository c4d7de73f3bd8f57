-- A registration at ON24. Who attended has registered, so an attendee whose registration is older than the lake counts as one too.
with known as (
  select
    cast(r.eventid as varchar) as event_id,
    cast(r.eventuserid as varchar) as registration_id,
    nullif(lower(trim(r.email)), '') as person,
    nullif(r.exteventusercd, '') as contact,
    nullif(r.company, '') as company,
    nullif(r.jobtitle, '') as job_title,
    nullif(r.country, '') as country,
    r.createtimestamp as registered_at,
    lower(r.userstatus) as status,
    nullif(r.partnerref, '') as source,
    nullif(r.userprofileurl, '') as profile
  from {{read "registrants" `
    eventid bigint, eventuserid bigint, email varchar, exteventusercd varchar, company varchar, jobtitle varchar,
    country varchar, createtimestamp timestamp, userstatus varchar, partnerref varchar, userprofileurl varchar`}} as r
), attended as (
  select
    cast(a.eventid as varchar) as event_id,
    cast(a.eventuserid as varchar) as registration_id,
    nullif(lower(trim(a.email)), '') as person,
    nullif(a.exteventusercd, '') as contact,
    case when a.isblocked then 'blocked' else lower(a.userstatus) end as status,
    nullif(a.partnerref, '') as source,
    nullif(a.userprofileurl, '') as profile
  from {{read "attendees" `
    eventid bigint, eventuserid bigint, email varchar, exteventusercd varchar, isblocked boolean, userstatus varchar,
    partnerref varchar, userprofileurl varchar`}} as a
)
select
  coalesce(k.event_id, a.event_id) as event_id,
  coalesce(k.registration_id, a.registration_id) as registration_id,
  coalesce(k.person, a.person, k.registration_id, a.registration_id) as visitor,
  coalesce(k.person, a.person) as person,
  coalesce(k.contact, a.contact) as contact,
  k.company,
  k.job_title,
  k.country,
  k.registered_at,
  case
    when k.status = 'forgotten' or a.status = 'forgotten' then 'forgotten'
    when a.status = 'blocked' then 'blocked'
    when k.status = 'deleted' or a.status = 'deleted' then 'deleted'
    else 'active'
  end as status,
  coalesce(k.source, a.source) as source,
  coalesce(k.profile, a.profile) as profile
from known as k
full outer join attended as a on a.event_id = k.event_id and a.registration_id = k.registration_id
