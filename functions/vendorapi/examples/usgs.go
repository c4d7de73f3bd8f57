package examples

import (
	"time"

	"github.com/windrow-data/windrow/functions/vendorapi"
)

// USGS reads the earthquake catalogue of the US Geological Survey (https://earthquake.usgs.gov/fdsnws/event/1/), by when the earth shook.
// Both ends of a window count, times are compared to the millisecond. Events are revised for weeks, at their old time, so the last month is
// read again. An answer holds at most 20,000 events, several times as many as the busiest week had, and more are refused: a window is
// a week at most and is read in one page.
func USGS() *vendorapi.Vendor {
	query := func(name string) vendorapi.Place { return vendorapi.Place{In: vendorapi.InQuery, Name: name} }
	property := func(name string, kind vendorapi.ColumnType, comment string) vendorapi.Column {
		return vendorapi.Column{Name: name, Path: "properties." + name, Type: kind, Comment: comment}
	}
	at := func(name, path, comment string) vendorapi.Column {
		return vendorapi.Column{Name: name, Path: path, Type: vendorapi.TypeTimestamp, Layout: vendorapi.LayoutUnixMilli, Comment: comment}
	}
	return &vendorapi.Vendor{
		Name:    "usgs",
		BaseURL: "https://earthquake.usgs.gov/fdsnws/event/1",
		Auth:    vendorapi.Auth{Kind: vendorapi.AuthNone},
		Streams: []vendorapi.Stream{{
			Name: "earthquakes", Description: "An earthquake, as last revised.", Path: "/query",
			Query: map[string]string{"format": "geojson", "orderby": "time-asc", "limit": "20000"},
			Window: vendorapi.Window{
				Start: query("starttime"), End: query("endtime"), Layout: "2006-01-02T15:04:05.000-07:00",
				EndInclusive: true, Resolution: vendorapi.Duration(time.Millisecond), LongestSpan: vendorapi.Duration(7 * 24 * time.Hour),
			},
			Paging:                 vendorapi.Paging{Kind: vendorapi.PagingNone},
			RecordsPath:            "features",
			RecordsAbsentWhenEmpty: true, // Status 204 is "no data" of the FDSN.
			Total:                  vendorapi.Total{Path: "metadata.count"},
			Key:                    []string{"id"}, TimePath: "properties.time", VersionPath: "properties.updated",
			Settle: vendorapi.Duration(20 * time.Minute), Lookback: vendorapi.Duration(30 * 24 * time.Hour), Audit: vendorapi.AuditReread,
			Columns: []vendorapi.Column{
				{Name: "id", Type: vendorapi.TypeString}, {Name: "type", Type: vendorapi.TypeString},
				at("time", "properties.time", "When the earth shook; the window time"), at("updated", "properties.updated", "When it was last revised"),
				property("mag", vendorapi.TypeFloat64, "Magnitude"), {Name: "mag_type", Path: "properties.magType", Type: vendorapi.TypeString, Comment: "How the magnitude was worked out"},
				property("place", vendorapi.TypeString, "Near where"), property("status", vendorapi.TypeString, "automatic, reviewed or deleted"),
				property("alert", vendorapi.TypeString, "Level of the PAGER alert"), property("tsunami", vendorapi.TypeInt64, "1 in oceanic regions"),
				property("sig", vendorapi.TypeInt64, "How significant it is, from 0 on"), property("felt", vendorapi.TypeInt64, "Reports of who felt it"),
				property("net", vendorapi.TypeString, "Network that contributed it"), property("code", vendorapi.TypeString, "Code of that network"),
				property("url", vendorapi.TypeString, "Page about it"),
				{Name: "geometry", Type: vendorapi.TypeJSON, Comment: "Longitude, latitude, and depth in kilometres, as GeoJSON"},
			},
		}},
	}
}
