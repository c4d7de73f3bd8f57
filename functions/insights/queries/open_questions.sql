-- Which questions somebody still owes an answer to, the newest first. A question without a word is none, and who may not be written to is left
-- out.
select
  i.event_id,
  e.title,
  i.happened_at as asked_at,
  i.person,
  i.text as question
from model_interactions as i
join model_events as e on e.event_id = i.event_id
left join model_people as p on p.person = i.person
where i.kind = 'question'
  and not coalesce(i.answered, false)
  and trim(i.text) <> ''
  and not coalesce(e.is_test, false)
  and coalesce(p.reachable, true)
order by i.happened_at desc nulls last, i.event_id, i.person nulls last, i.text
