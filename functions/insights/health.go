package insights

import (
	"fmt"
	"strings"

	"github.com/windrow-data/windrow/functions/lakesql"
	"github.com/windrow-data/windrow/functions/vendorapi"
)

const healthComment = `-- Whether the numbers can be trusted today: how fresh each stream is, what came late, what could not be taken in, and which fields nobody has
-- declared. Rows are versions, records what is left of them by key. Late is a record that a window has gained since it was first read, a settle
-- delay after its end.
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
    cast(coalesce(sum(records), 0) as bigint) as records,
    count(distinct dt) as days,
    max(window_end) as newest_window_end,
    max(ingested_at) as last_ingested_at,
    cast(coalesce(sum(late), 0) as bigint) as late_records,
    array_join(array_sort(array_distinct(flatten(flatten(array_agg(fields) filter (where fields is not null))))), ', ') as undeclared_fields
  from (
    select
      dt,
      count(*) as records,
      max(windrow_window_end) as window_end,
      max(windrow_ingested_at) as ingested_at,
      max(windrow_late) as late,
      array_agg(distinct map_keys(cast(json_parse(windrow_undeclared) as map(varchar, json)))) filter (where windrow_undeclared is not null) as fields
    from %[2]s
    group by dt, windrow_window_start
  ) as windows
) as r
cross join (
  select count(*) as versions
  from (
    select dt, cast(null as bigint) as %[7]s from %[3]s
    union all
    select dt, %[7]s from %[4]s
  ) as v
  left join (select cast(dt as date) as windrow_day, compaction as windrow_counts from %[5]s where compaction > 0) as d on d.windrow_day = v.dt
  where v.%[7]s is not distinct from d.windrow_counts
) as w
cross join (select count(*) as quarantined from %[6]s) as q`,
		lakesql.Literal(s.Name), lakesql.Identifier(lakesql.TableName(s.Name)), lakesql.Identifier(lakesql.RowsName(s.Name)),
		lakesql.Identifier(lakesql.CompactedName(s.Name)), lakesql.Identifier(lakesql.DaysName(s.Name)),
		lakesql.Identifier(lakesql.QuarantineName(s.Name)), lakesql.Compaction)
}
