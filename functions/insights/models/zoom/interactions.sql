-- Questions and answers to polls at a Zoom webinar. Who is not named is not known at all.
with done as (
  select q.webinar_uuid, q.email, 'question' as kind, q.create_time as happened_at, cast(null as varchar) as what, q.question as text,
    coalesce(lower(q.question_status) in ('answered', 'dismissed', 'deleted'), false) or coalesce(trim(q.answer), '') <> '' as answered
  from {{read "questions_question_details" `
    webinar_uuid varchar, email varchar, create_time timestamp, question varchar, question_status varchar, answer varchar`}} as q
  union all
  select p.webinar_uuid, p.email, 'answer_poll', p.date_time, p.question, p.answer, cast(null as boolean)
  from {{read "polls_question_details" `webinar_uuid varchar, email varchar, date_time timestamp, question varchar, answer varchar`}} as p
)
select
  i.event_id,
  cast(null as varchar) as registration_id,
  nullif(lower(trim(d.email)), '') as visitor,
  nullif(lower(trim(d.email)), '') as person,
  d.kind,
  d.happened_at,
  d.what,
  d.text,
  d.answered,
  cast(1 as bigint) as times
from done as d
join model_instances as i on i.instance_id = d.webinar_uuid
