-- A webinar of ON24. It is over once attendances are known of a window that ended after it.
select
  cast(e.eventid as varchar) as event_id,
  cast(e.eventid as varchar) as webinar_id,
  e.description as title,
  coalesce(nullif(trim(e.category), ''), e.description) as topic,
  coalesce(e.goodafter, e.livestart) as starts_at,
  e.liveend as ends_at,
  e.displaytimezonecd as zone,
  coalesce(e.goodafter_local, e.livestart_local) as starts_local,
  e.scheduledeventduration as minutes,
  e.istestevent as is_test,
  coalesce(e.liveend <= known.until, false) as held,
  e.totalregistrants as registrants
from {{read "events" `
  eventid bigint, description varchar, category varchar, goodafter timestamp, livestart timestamp, liveend timestamp,
  goodafter_local timestamp, livestart_local timestamp, displaytimezonecd varchar, scheduledeventduration bigint,
  istestevent boolean, totalregistrants bigint`}} as e
cross join (
  select max(a.windrow_window_end) as until from {{read "attendees" `windrow_window_end timestamp`}} as a
) as known
