-- Whom to call first, and what to talk about: the 500 people with the most points, of those who came to a webinar or watched its recording and
-- may be called. Points are
--   3 for each point of the best engagement score (0 to 10, ON24 alone has one),
--   1 for each 5 minutes watched, at most 24,
--   10 for each call to action followed, at most 30,
--   5 for each question, at most 15,
--   3 for each download, at most 9,
--   20 for whoever was seen in the 7 days before the newest activity that the lake knows of, 10 in the 30 days.
with told as (
  select event_id, person, 1 as attended, seconds, score, coalesce(left_at, joined_at) as seen, cast(null as varchar) as kind,
    cast(null as varchar) as what, cast(0 as bigint) as times
  from model_attendances
  where person is not null
  union all
  select event_id, person, 0, null, null, happened_at, kind, what, times
  from model_interactions
  where person is not null
), at_event as (
  select
    t.person,
    max(t.attended) as attended,
    sum(t.seconds) as seconds,
    max(t.score) as score,
    max(t.seen) as seen,
    max(case when t.attended = 1 then e.minutes end) as length,
    sum(case when t.kind = 'question' then 1 else 0 end) as questions,
    sum(case when t.kind = 'download' then 1 else 0 end) as downloads,
    sum(case when t.kind = 'call_to_action' then t.times else 0 end) as clicks,
    array_agg(distinct t.what) filter (where t.kind = 'call_to_action' and t.what is not null) as calls
  from told as t
  left join model_events as e on e.event_id = t.event_id
  where not coalesce(e.is_test, false)
  group by t.person, t.event_id
), over_all as (
  select
    person,
    cast(sum(attended) as bigint) as webinars,
    cast(floor(sum(seconds) / 60.0) as bigint) as minutes,
    max(score) as score,
    max(seen) as seen,
    max(max(seen)) over () as newest,
    -- Of a webinar nobody watched more than its length.
    cast(sum(case when seconds > 60 * length then length else floor(seconds / 60.0) end) as bigint) as watched,
    cast(case when count(length) = sum(attended) then sum(length) end as bigint) as length,
    cast(sum(questions) as bigint) as questions,
    cast(sum(downloads) as bigint) as downloads,
    cast(sum(clicks) as bigint) as clicks,
    array_sort(array_distinct(flatten(array_agg(calls) filter (where calls is not null)))) as calls
  from at_event
  group by person
), people as (
  select
    o.*,
    p.contact,
    p.company,
    p.job_title,
    p.profile,
    case
      when o.seen >= o.newest - interval '7' day then 7
      when o.seen >= o.newest - interval '30' day then 30
    end as within_days
  from over_all as o
  left join model_people as p on p.person = o.person
  where o.webinars > 0 and coalesce(p.reachable, true)
)
select
  person,
  contact,
  company,
  job_title,
  seen as last_seen,
  webinars,
  minutes,
  score,
  questions,
  downloads,
  clicks,
  cast(round(3 * coalesce(score, 0)) as bigint)
    + least(cast(floor(minutes / 5.0) as bigint), 24)
    + least(10 * coalesce(cardinality(calls), 0), 30)
    + least(5 * questions, 15)
    + least(3 * downloads, 9)
    + case within_days when 7 then 20 when 30 then 10 else 0 end as points,
  substr(
    case when calls is not null then '; clicked ' || array_join(calls, ', ') else '' end
      || case when questions > 0 then '; asked ' || cast(questions as varchar) || case when questions = 1 then ' question' else ' questions' end else '' end
      || case when downloads > 0 then '; downloaded ' || cast(downloads as varchar) || case when downloads = 1 then ' resource' else ' resources' end else '' end
      || '; watched ' || cast(watched as varchar)
      || case when length is not null then ' of ' || cast(length as varchar) else '' end || ' minutes'
      || case when webinars > 1 then ' in ' || cast(webinars as varchar) || ' webinars' else '' end
      || case when score is not null then '; scored ' || cast(cast(score as decimal(4, 1)) as varchar) || ' of 10' else '' end
      || case when within_days is not null then '; seen in the last ' || cast(within_days as varchar) || ' days' else '' end,
    3) as reasons,
  profile
from people
order by points desc, last_seen desc nulls last, person
limit 500
