-- Questions at a GoTo webinar, without when they were asked. Its polls are shares of answers, not people's, so they are none of this.
select
  i.event_id,
  cast(null as varchar) as registration_id,
  nullif(lower(trim(q.asked_by)), '') as visitor,
  nullif(lower(trim(q.asked_by)), '') as person,
  'question' as kind,
  cast(null as timestamp) as happened_at,
  cast(null as varchar) as what,
  q.question as text,
  coalesce(json_array_length(q.answers), 0) > 0 as answered,
  cast(1 as bigint) as times
from {{read "questions" `session_key varchar, asked_by varchar, question varchar, answers varchar`}} as q
join model_instances as i on i.instance_id = q.session_key
