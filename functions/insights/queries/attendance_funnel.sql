-- Where a webinar loses its audience, and so what to change: the invitation (registered, not came), the start (came, not stayed), or the
-- content (stayed, asked nothing, took nothing).
select
  event_id,
  title,
  starts_at,
  registered,
  came,
  stayed,
  asked,
  downloaded,
  watched_later
from model_turnout
order by starts_at desc nulls last, event_id
