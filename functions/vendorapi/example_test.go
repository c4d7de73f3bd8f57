package vendorapi_test

import (
	"fmt"
	"time"

	"github.com/windrow-data/windrow/functions/vendorapi"
)

// A whole description of a vendor with one stream, its pages found by token.
func ExampleVendor() {
	vendor := &vendorapi.Vendor{
		Name:    "example",
		BaseURL: "https://api.example.com/v2",
		Auth:    vendorapi.Auth{Kind: vendorapi.AuthBearer, TokenField: "token"},
		Streams: []vendorapi.Stream{{
			Name: "orders",
			Path: "/orders",
			Window: vendorapi.Window{
				Start:      vendorapi.Place{In: vendorapi.InQuery, Name: "from"},
				End:        vendorapi.Place{In: vendorapi.InQuery, Name: "to"},
				Layout:     time.RFC3339,
				Resolution: vendorapi.Duration(time.Second),
			},
			Paging: vendorapi.Paging{
				Kind:     vendorapi.PagingToken,
				Place:    vendorapi.Place{In: vendorapi.InQuery, Name: "page_token"},
				NextPath: "next_page_token",
			},
			RecordsPath: "orders",
			Key:         []string{"id"},
			Settle:      vendorapi.Duration(5 * time.Minute),
			Lookback:    vendorapi.Duration(48 * time.Hour),
			Audit:       vendorapi.AuditReread,
			Columns:     []vendorapi.Column{{Name: "id", Type: vendorapi.TypeString}, {Name: "placed", Type: vendorapi.TypeTimestamp}},
		}},
	}
	fmt.Println(vendor.Validate())
	vendor.Streams[0].Window.End = vendorapi.Place{}
	fmt.Println(vendor.Validate())
	// Output:
	// <nil>
	// vendor description "example" has a fault:
	// streams[0].window.end: {}: a window needs a place for its end: want in (query, path or body) and name
}
