package examples

import (
	"strings"
	"time"

	"github.com/windrow-data/windrow/functions/vendorapi"
)

// Square reads the payments and refunds of a Square seller (https://developer.squareup.com/reference/square/payments/ListPayments). A
// request is for one location, so each has streams of its own. Payments are read by when they were last changed, refunds by when they
// were made, and change for days. Whether the end of a window counts is not documented: windows overlap by a second. An answer without
// payments is {}. A cursor is good for five minutes (https://developer.squareup.com/docs/build-basics/common-api-patterns/pagination). The
// secret holds {"token": "..."}.
func Square(locations ...string) *vendorapi.Vendor {
	v := &vendorapi.Vendor{
		Name:    "square",
		BaseURL: "https://connect.squareup.com/v2",
		Auth:    vendorapi.Auth{Kind: vendorapi.AuthBearer, TokenField: "token"},
		Headers: map[string]string{"Square-Version": "2025-10-16"},
	}
	for _, location := range locations {
		v.Streams = append(v.Streams, payments(location), refunds(location))
	}
	return v
}

func payments(location string) vendorapi.Stream {
	s := bySquareTime("payments", location, "updated_at_begin_time", "updated_at_end_time", "updated_at")
	s.Description = "A payment, as last changed."
	s.Query["sort_field"] = "UPDATED_AT"
	s.VersionPath = "updated_at"
	s.Columns = append(s.Columns,
		vendorapi.Column{Name: "source_type", Type: vendorapi.TypeString},
		vendorapi.Column{Name: "receipt_number", Type: vendorapi.TypeString},
		vendorapi.Column{Name: "customer_id", Type: vendorapi.TypeString},
		vendorapi.Column{Name: "total", Path: "total_money.amount", Type: vendorapi.TypeInt64, Comment: "In the smallest unit of the currency"},
		vendorapi.Column{Name: "card_details", Type: vendorapi.TypeJSON, Within: []vendorapi.Within{{Path: "card.cardholder_name", Personal: vendorapi.PersonalName}}},
	)
	return s
}

func refunds(location string) vendorapi.Stream {
	s := bySquareTime("refunds", location, "begin_time", "end_time", "created_at")
	s.Description = "A refund of a payment."
	s.Lookback = vendorapi.Duration(3 * 24 * time.Hour)
	s.Columns = append(s.Columns, vendorapi.Column{Name: "payment_id", Type: vendorapi.TypeString}, vendorapi.Column{Name: "reason", Type: vendorapi.TypeString})
	return s
}

// bySquareTime is what the lists of payments and refunds have in common.
func bySquareTime(resource, location, start, end, timePath string) vendorapi.Stream {
	query := func(name string) vendorapi.Place { return vendorapi.Place{In: vendorapi.InQuery, Name: name} }
	return vendorapi.Stream{
		Name: resource + "-" + strings.ToLower(location), Path: "/" + resource,
		Query:       map[string]string{"location_id": location, "sort_order": "ASC"},
		Window:      vendorapi.Window{Start: query(start), End: query(end), Layout: "2006-01-02T15:04:05.000Z07:00"},
		Paging:      vendorapi.Paging{Kind: vendorapi.PagingToken, Place: query("cursor"), NextPath: "cursor", Size: 100, SizePlace: query("limit")},
		RecordsPath: resource, RecordsAbsentWhenEmpty: true, FailurePath: "errors",
		Key: []string{"id"}, TimePath: timePath, Settle: vendorapi.Duration(2 * time.Minute), Audit: vendorapi.AuditReread,
		Columns: []vendorapi.Column{
			{Name: "id", Type: vendorapi.TypeString}, {Name: "status", Type: vendorapi.TypeString}, {Name: "location_id", Type: vendorapi.TypeString},
			{Name: "order_id", Type: vendorapi.TypeString}, {Name: "amount", Path: "amount_money.amount", Type: vendorapi.TypeInt64},
			{Name: "currency", Path: "amount_money.currency", Type: vendorapi.TypeString}, {Name: "processing_fee", Type: vendorapi.TypeJSON},
			{Name: "created_at", Type: vendorapi.TypeTimestamp}, {Name: "updated_at", Type: vendorapi.TypeTimestamp},
		},
	}
}
