-- An attendee of ON24 was there live, watched the recording, or both: a row for each. Minutes are whole ones.
select
  cast(a.eventid as varchar) as event_id,
  cast(a.eventuserid as varchar) as registration_id,
  coalesce(nullif(lower(trim(a.email)), ''), cast(a.eventuserid as varchar)) as visitor,
  nullif(lower(trim(a.email)), '') as person,
  m.mode,
  case m.mode when 'live' then a.firstliveactivity else a.firstarchiveactivity end as joined_at,
  case m.mode when 'live' then a.lastliveactivity else a.lastarchiveactivity end as left_at,
  60 * coalesce(case m.mode when 'live' then a.liveminutes else a.archiveminutes end, 0) as seconds,
  a.engagementscore as score
from {{read "attendees" `
  eventid bigint, eventuserid bigint, email varchar, firstliveactivity timestamp, lastliveactivity timestamp, liveminutes bigint,
  firstarchiveactivity timestamp, lastarchiveactivity timestamp, archiveminutes bigint, engagementscore double`}} as a
cross join unnest(array['live', 'on demand']) as m (mode)
where case m.mode
    when 'live' then a.firstliveactivity is not null or coalesce(a.liveminutes, 0) > 0
    else a.firstarchiveactivity is not null or coalesce(a.archiveminutes, 0) > 0
  end
