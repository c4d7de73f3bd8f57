-- Which topics to make more webinars of: those that draw people, keep them, and make them ask.
select
  topic,
  count(*) as webinars,
  cast(sum(registered) as bigint) as registered,
  cast(sum(came) as bigint) as came,
  case when sum(came) > 0 then round(cast(sum(seconds) as double) / 60 / cast(sum(came) as double), 1) end as average_minutes,
  case when sum(scored) > 0 then round(cast(sum(cast(scores as decimal(18, 3))) as double) / cast(sum(scored) as double), 1) end as average_score,
  cast(sum(questions) as bigint) as questions
from model_turnout
group by topic
order by came desc, topic nulls last
