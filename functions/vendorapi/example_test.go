package vendorapi_test

import (
	"encoding/json"
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

func show(auth vendorapi.Auth) {
	text, _ := json.Marshal(auth)
	fmt.Println(string(text))
}

func ExampleClientCredentials() {
	show(vendorapi.ClientCredentials("https://login.example.com/oauth/token", "webinars:read"))
	// Output:
	// {"kind":"token","token":{"url":"https://login.example.com/oauth/token","fixed":{"grant_type":"client_credentials","scope":"webinars:read"},"usernameField":"clientId","passwordField":"clientSecret"}}
}

func ExampleAccountCredentials() {
	show(vendorapi.AccountCredentials("https://zoom.us/oauth/token"))
	// Output:
	// {"kind":"token","token":{"url":"https://zoom.us/oauth/token","fixed":{"grant_type":"account_credentials"},"secretFields":{"account_id":"accountId"},"usernameField":"clientId","passwordField":"clientSecret"}}
}

// GoTo mostly leaves a refresh token as it is, and says with 403 that a token has ended.
func ExampleRefreshToken() {
	auth := vendorapi.RefreshToken("https://authentication.logmeininc.com/oauth/token")
	auth.Token.Refresh.Reusable = true
	auth.Token.Rejected = []vendorapi.Answer{{Status: 403, BodyContains: "token"}}
	show(auth)
	// Output:
	// {"kind":"token","token":{"url":"https://authentication.logmeininc.com/oauth/token","fixed":{"grant_type":"refresh_token"},"secretFields":{"refresh_token":"refreshToken"},"usernameField":"clientId","passwordField":"clientSecret","refresh":{"field":"refreshToken","reusable":true},"rejected":[{"status":403,"bodyContains":"token"}]}}
}

func ExampleLogin() {
	auth := vendorapi.Login("https://api.example.com/login", "data.token", map[string]string{"user": "user", "apiKey": "key"})
	auth.Token.LifetimePath = "data.expiresInMinutes"
	auth.Token.LifetimeUnit = vendorapi.Duration(time.Minute)
	auth.Token.Header = "X-Session"
	auth.Token.Rejected = []vendorapi.Answer{{Status: 403, BodyContains: "session has expired"}}
	show(auth)
	// Output:
	// {"kind":"token","token":{"url":"https://api.example.com/login","body":"json","secretFields":{"apiKey":"key","user":"user"},"tokenPath":"data.token","lifetimePath":"data.expiresInMinutes","lifetimeUnit":"1m0s","header":"X-Session","rejected":[{"status":403,"bodyContains":"session has expired"}]}}
}
