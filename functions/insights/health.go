package insights

import (
	"fmt"
	"strings"
	"time"

	"github.com/windrow-data/windrow/functions/lakesql"
	"github.com/windrow-data/windrow/functions/vendorapi"
)

// lateAfter is how long after a window can first be read a reading that replaced it counts as late: two runs of the default schedule.
const lateAfter = time.Hour

const healthComment = `-- Whether the numbers can be trusted today: how fresh each stream is, what came late, what could not be taken in, and which fields nobody has
-- declared. Rows are versions, records what is left of them by key. Late is a record that a window has only since it was read again, more
-- than the settle delay and an hour after its end, or that stands beside one: windows are replaced whole.
`

// Health asks how the data itself is, a row for each of the vendor's streams. It needs no model.
func Health(vendor *vendorapi.Vendor) Insight {
	var streams []string
	for i := range vendor.Streams {
		streams = append(streams, healthOf(&vendor.Streams[i]))
	}
	sql := healthComment + strings.Join(streams, "\nunion all\n") + "\norder by stream"
	return newInsight("data_health", sql)
}

func healthOf(s *vendorapi.Stream) string {
	bound := s.Settle.D() + lateAfter
	return fmt.Sprintf(`select
  %[1]s as stream,
  w.versions as "rows",
  r.records,
  r.days,
  r.newest_window_end,
  r.last_ingested_at,
  r.late_records,
  q.quarantined,
  r.undeclared_fields
from (
  select
    count(*) as records,
    count(distinct dt) as days,
    max(windrow_window_end) as newest_window_end,
    max(windrow_ingested_at) as last_ingested_at,
    cast(coalesce(sum(case
      when windrow_generation > 1 and to_unixtime(windrow_ingested_at) - to_unixtime(windrow_window_end) > %[7]d then 1 else 0
    end), 0) as bigint) as late_records,
    array_join(array_sort(array_distinct(flatten(
      array_agg(distinct map_keys(cast(json_parse(windrow_undeclared) as map(varchar, json)))) filter (where windrow_undeclared is not null)
    ))), ', ') as undeclared_fields
  from %[2]s
) as r
cross join (
  select count(*) as versions
  from (
    select dt, cast(null as bigint) as %[8]s from %[3]s
    union all
    select dt, %[8]s from %[4]s
  ) as v
  left join (select cast(dt as date) as windrow_day, compaction as windrow_counts from %[5]s where compaction > 0) as d on d.windrow_day = v.dt
  where v.%[8]s is not distinct from d.windrow_counts
) as w
cross join (select count(*) as quarantined from %[6]s) as q`,
		lakesql.Literal(s.Name), lakesql.Identifier(lakesql.TableName(s.Name)), lakesql.Identifier(lakesql.RowsName(s.Name)),
		lakesql.Identifier(lakesql.CompactedName(s.Name)), lakesql.Identifier(lakesql.DaysName(s.Name)),
		lakesql.Identifier(lakesql.QuarantineName(s.Name)), int64(bound/time.Second), lakesql.Compaction)
}
