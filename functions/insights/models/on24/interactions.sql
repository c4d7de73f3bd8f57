-- What a person did at a webinar of ON24. Questions come from their own stream, which has the answers; all else is in the attendee, whose
-- arrays are read together, so that attendees are read once and not once for each of them.
with attended as (
  select
    a.eventid,
    a.eventuserid,
    a.email,
    coalesce(try(cast(json_parse(a.polls) as array(json))), cast(json_parse('[]') as array(json)))
      || coalesce(try(cast(json_parse(a.resources) as array(json))), cast(json_parse('[]') as array(json)))
      || coalesce(try(cast(json_parse(a.surveys) as array(json))), cast(json_parse('[]') as array(json)))
      || coalesce(try(cast(json_parse(a.calltoactions) as array(json))), cast(json_parse('[]') as array(json)))
      || coalesce(try(cast(json_parse(a.reactions) as array(json))), cast(json_parse('[]') as array(json))) as deeds
  from {{read "attendees" `
    eventid bigint, eventuserid bigint, email varchar, polls varchar, resources varchar, surveys varchar, calltoactions varchar,
    reactions varchar`}} as a
), deeds as (
  select
    a.eventid,
    a.eventuserid,
    a.email,
    json_extract_scalar(d.deed, '$.pollsubmittedtimestamp') as polled,
    json_extract_scalar(d.deed, '$.resourceviewedtimestamp') as viewed,
    json_extract_scalar(d.deed, '$.surveysubmittedtimestamp') as surveyed,
    json_extract_scalar(d.deed, '$.date') as clicked,
    json_extract_scalar(d.deed, '$.datetime') as reacted,
    coalesce(
      json_extract_scalar(d.deed, '$.pollquestion'), json_extract_scalar(d.deed, '$.resourceviewed'),
      json_extract_scalar(d.deed, '$.surveyid'), json_extract_scalar(d.deed, '$.ctaname'), json_extract_scalar(d.deed, '$.type')
    ) as what,
    coalesce(
      json_format(json_extract(d.deed, '$.pollanswers')), json_format(json_extract(d.deed, '$.surveyquestions')),
      json_extract_scalar(d.deed, '$.action')
    ) as text,
    try_cast(json_extract_scalar(d.deed, '$.clicks') as bigint) as clicks
  from attended as a
  cross join unnest(a.deeds) as d (deed)
), done as (
  select
    q.eventid,
    q.eventuserid,
    q.email,
    'question' as kind,
    q.createtimestamp as happened_at,
    cast(null as varchar) as what,
    q.content as text,
    q.answer is not null as answered,
    cast(1 as bigint) as times
  from {{read "questions" `
    eventid bigint, eventuserid bigint, email varchar, createtimestamp timestamp, content varchar, answer varchar`}} as q
  union all
  select
    eventid,
    eventuserid,
    email,
    case
      when polled is not null then 'answer_poll'
      when viewed is not null then 'download'
      when surveyed is not null then 'survey'
      when clicked is not null then 'call_to_action'
      else 'reaction'
    end,
    try(cast(at_timezone(from_iso8601_timestamp(coalesce(polled, viewed, surveyed, clicked, reacted)), 'UTC') as timestamp)),
    what,
    text,
    cast(null as boolean),
    coalesce(clicks, 1)
  from deeds
)
select
  cast(eventid as varchar) as event_id,
  cast(eventuserid as varchar) as registration_id,
  coalesce(nullif(lower(trim(email)), ''), cast(eventuserid as varchar)) as visitor,
  nullif(lower(trim(email)), '') as person,
  kind,
  happened_at,
  what,
  text,
  answered,
  times
from done
