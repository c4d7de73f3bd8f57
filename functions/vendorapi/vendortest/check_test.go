package vendortest

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/windrow-data/windrow/functions/vendorapi"
	"github.com/windrow-data/windrow/functions/vendorapi/on24"
)

// recorder is a test that is told of errors.
type recorder struct {
	testing.TB
	told []string
}

func (r *recorder) Helper() {}
func (r *recorder) Errorf(format string, arguments ...any) {
	r.told = append(r.told, fmt.Sprintf(format, arguments...))
}

func TestCheckPassesGoodDescriptions(t *testing.T) {
	for name, v := range map[string]*vendorapi.Vendor{
		"ON24":  on24.Vendor("90001"),
		"house": house(func(*vendorapi.Vendor) {}),
		"whole days of a zone": described(func(v *vendorapi.Vendor, s *vendorapi.Stream) {
			s.Window.Layout, s.Window.Zone, s.Window.EndInclusive = time.DateOnly, "America/Los_Angeles", true
			s.Window.Resolution, s.Window.Granularity = 0, vendorapi.Duration(24*time.Hour)
			s.Lookback = vendorapi.Duration(24 * time.Hour)
		}),
		"local times of a zone, to their very end": described(func(_ *vendorapi.Vendor, s *vendorapi.Stream) {
			s.Window.Layout, s.Window.Zone, s.Window.EndInclusive = "2006-01-02 15:04:05", "Europe/Berlin", true
			s.Lookback = vendorapi.Duration(24 * time.Hour)
		}),
		"a total that is counted": paged(func(_ *vendorapi.Vendor, s *vendorapi.Stream) {
			s.Audit, s.Lookback = vendorapi.AuditCount, vendorapi.Duration(24*time.Hour)
		}),
		"no bounds": described(func(_ *vendorapi.Vendor, s *vendorapi.Stream) { s.Window = vendorapi.Window{} }),
		"a listing of what is planned, and its children": house(func(v *vendorapi.Vendor) {
			s := &v.Streams[0]
			s.Window.Listing = &vendorapi.Listing{Behind: vendorapi.Duration(time.Hour), Ahead: vendorapi.Duration(24 * time.Hour)}
			s.Lookback, s.VersionPath, v.Streams[1].Parent.TimePath = 0, "", "at"
		}),
		"a listing of all there is": described(func(_ *vendorapi.Vendor, s *vendorapi.Stream) {
			s.Window, s.TimePath, s.VersionPath = vendorapi.Window{Listing: &vendorapi.Listing{}}, "", ""
		}),
		"grandchildren": house(func(v *vendorapi.Vendor) {
			questions := v.Streams[1]
			questions.Name, questions.Path, questions.Method = "questions", "/questions", http.MethodPost
			questions.Parent = &vendorapi.Parent{
				Stream: "visits", TimePath: "joined",
				Places: []vendorapi.ParentPlace{{Place: inBody("of.meeting"), Path: "meeting"}, {Place: inBody("of.visit"), Path: "id"}},
				Fields: []vendorapi.ParentField{{Name: "visit", Path: "id"}},
			}
			questions.Paging.Place, questions.Paging.SizePlace = inBody("token"), inBody("size")
			questions.Key = []string{"visit", "question"}
			questions.Columns = []vendorapi.Column{{Name: "visit", Type: vendorapi.TypeInt64}, {Name: "question", Type: vendorapi.TypeInt64}, {Name: "text", Type: vendorapi.TypeString}}
			v.Streams = append(v.Streams, questions)
		}),
	} {
		t.Run(name, func(t *testing.T) {
			begun := time.Now()
			Check(t, v, WithRecords(120))
			t.Logf("%d streams in %s", len(v.Streams), time.Since(begun))
		})
	}
}

func TestCheckPassesDrawnDescriptions(t *testing.T) {
	for i := range 8 {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			Check(t, rapid.Custom(drawVendor).Example(i), WithSeed(uint64(i)), WithRecords(60))
		})
	}
}

// rewritten changes the body of each answer that has one.
func rewritten(change func(r *http.Request, body string) string) CheckOption {
	return WithServer(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			recorder := httptest.NewRecorder()
			next.ServeHTTP(recorder, r)
			body := change(r, recorder.Body.String())
			for name, values := range recorder.Header() {
				w.Header()[name] = values
			}
			w.Header().Set("Content-Length", strconv.Itoa(len(body)))
			w.WriteHeader(recorder.Code)
			io.WriteString(w, body)
		})
	})
}

// paged is a vendor of one stream whose pages are numbered and counted.
func paged(change func(*vendorapi.Vendor, *vendorapi.Stream)) *vendorapi.Vendor {
	return described(func(v *vendorapi.Vendor, s *vendorapi.Stream) {
		v.Auth = vendorapi.Auth{Kind: vendorapi.AuthBearer, TokenField: "token"}
		s.Paging = vendorapi.Paging{Kind: vendorapi.PagingNumber, First: 1, Place: inQuery("page"), Size: 50, SizePlace: inQuery("per")}
		s.Lookback = vendorapi.Duration(24 * time.Hour)
		change(v, s)
	})
}

func TestCheckSaysWhichPromiseIsBroken(t *testing.T) {
	type stream = vendorapi.Stream
	same := func(*vendorapi.Vendor, *stream) {}
	of := func(change func(*stream)) *vendorapi.Vendor {
		return paged(func(_ *vendorapi.Vendor, s *stream) { change(s) })
	}
	tokens := func(s *stream) {
		s.Paging = vendorapi.Paging{Kind: vendorapi.PagingToken, Place: inQuery("token"), NextPath: "data.next", Size: 50, SizePlace: inQuery("per")}
	}
	total := regexp.MustCompile(`"count":\d+`)
	next := regexp.MustCompile(`"next":"[^"]+"`)
	for name, test := range map[string]struct {
		described, truth *vendorapi.Vendor
		options          []CheckOption
		// want are texts that the errors hold.
		want []string
	}{
		"no description": {
			described: of(func(s *stream) { s.Window.End = vendorapi.Place{} }),
			want:      []string{"description:", "window.end"},
		},
		"the vendor includes the end": {
			described: paged(same), truth: of(func(s *stream) { s.Window.EndInclusive = true }),
			want: []string{"stream calls: bounds:", "The vendor includes the end", "window.endInclusive (false)"},
		},
		"the vendor excludes the end": {
			described: of(func(s *stream) { s.Window.EndInclusive = true }), truth: paged(same),
			want: []string{"stream calls: bounds:", "does not include the end", "window.endInclusive (true)"},
		},
		"another zone": {
			described: of(func(s *stream) { s.Window.Layout, s.Window.Zone = "2006-01-02 15:04:05", "Asia/Tokyo" }),
			truth:     of(func(s *stream) { s.Window.Layout, s.Window.Zone = "2006-01-02 15:04:05", "Asia/Kolkata" }),
			want:      []string{"stream calls: windows:", "window.zone"},
		},
		"another layout": {
			described: of(func(s *stream) { s.Window.Layout = vendorapi.LayoutUnix }), truth: paged(same),
			want: []string{"stream calls: windows: the vendor refuses a request", "layout"},
		},
		"pages counted from 0": {
			described: of(func(s *stream) { s.Paging.First = 0 }), truth: paged(same),
			want: []string{"stream calls:", "first"},
		},
		"pages counted from 1": {
			described: paged(same), truth: of(func(s *stream) { s.Paging.First = 0 }),
			want: []string{"stream calls: pages:", "paging", "first (1)"},
		},
		"page size clamped": {
			described: of(func(s *stream) { s.Total = vendorapi.Total{} }), truth: of(func(s *stream) { s.Total = vendorapi.Total{} }),
			options: []CheckOption{WithServer(func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					query := r.URL.Query()
					query.Set("per", "5")
					r.URL.RawQuery = query.Encode()
					next.ServeHTTP(w, r)
				})
			})},
			want: []string{"stream calls: pages:", "clamps the size of pages", "paging.size asks for 7"},
		},
		"the total counts something else": {
			described: of(tokens),
			options:   []CheckOption{rewritten(func(_ *http.Request, body string) string { return total.ReplaceAllString(body, `"count":4711`) })},
			want:      []string{"stream calls: totals:", "the total is 4711", "It counts something else"},
		},
		"the token does not advance": {
			described: of(tokens),
			options: []CheckOption{rewritten(func(r *http.Request, body string) string {
				if token := r.URL.Query().Get("token"); token != "" {
					return next.ReplaceAllString(body, `"next":"`+token+`"`)
				}
				return body
			})},
			want: []string{"stream calls: pages: the vendor gives a page that came before", "nextPath"},
		},
		"paging is not understood": {
			described: of(func(s *stream) { s.Paging.Place.Name = "number" }), truth: paged(same),
			want: []string{"stream calls:", "page"},
		},
		"the key is not unique": {
			described: of(func(s *stream) { s.Key = []string{"day"} }), truth: paged(same),
			want: []string{"stream calls: keys:", "day"},
		},
		"a column of another type": {
			described: of(func(s *stream) { s.Columns[2].Type = vendorapi.TypeInt64 }), truth: paged(same),
			want: []string{"stream calls: columns:", "column title", "a whole number", "type"},
		},
		"a column that is not declared": {
			described: of(func(s *stream) { s.Columns = s.Columns[:5] }), truth: paged(same),
			want: []string{"stream calls: columns: no column declares", "day", "more"},
		},
		"a time that cannot be read": {
			described: of(func(s *stream) {
				s.Window.Resolution, s.Columns[1].Layout = 0, "02/01/2006 15:04:05"
			}),
			want: []string{"stream calls: times:", "timePath \"at\""},
		},
		"records elsewhere": {
			described: of(func(s *stream) { s.RecordsPath = "data.records" }), truth: paged(same),
			want: []string{"stream calls: answers:", `nothing stands at recordsPath "data.records"`},
		},
		"credentials elsewhere": {
			described: paged(func(v *vendorapi.Vendor, _ *stream) {
				v.Auth = vendorapi.Auth{Kind: vendorapi.AuthHeaders, HeaderFields: map[string]string{"X-Token": "token"}}
			}), truth: paged(same),
			want: []string{"stream calls: auth: the right credentials are refused", "X-Token"}[:1],
		},
		"credentials that nobody asks for": {
			described: paged(same), truth: paged(func(v *vendorapi.Vendor, _ *stream) { v.Auth = vendorapi.Auth{Kind: vendorapi.AuthNone} }),
			want: []string{"stream calls: auth:", `a wrong "token"`},
		},
		"a link to another host": {
			described: of(func(s *stream) {
				s.Paging = vendorapi.Paging{Kind: vendorapi.PagingNextLink, NextPath: "data.next", Size: 50}
			}),
			options: []CheckOption{rewritten(func(_ *http.Request, body string) string {
				return strings.ReplaceAll(body, "https://api.acme.example/", "https://cdn.acme.example/")
			})},
			want: []string{"stream calls: windows:", "the next link leads to https://cdn.acme.example"},
		},
		"nothing is repeated": {
			described: paged(func(v *vendorapi.Vendor, _ *stream) { v.Retry.MaxAttempts = 1 }),
			want:      []string{"stream calls: retries:", "retry.maxAttempts is 1"},
		},
		"a way of throttling that is not described": {
			described: paged(same), truth: paged(func(v *vendorapi.Vendor, _ *stream) {
				v.Retry.Also = []vendorapi.Answer{{Status: 403, BodyContains: "slow down", Throttled: true}}
			}),
			want: []string{"stream calls: retries:", `"over-limit" is not got over`, "slow down", "also"},
		},
		"the child's parent place is wrong": {
			described: house(func(v *vendorapi.Vendor) { v.Streams[1].Parent.Places[0].Path = "number" }),
			truth:     house(func(*vendorapi.Vendor) {}),
			want:      []string{"stream visits: children:", "number"},
		},
		"an id that has to be escaped twice": {
			described: house(func(v *vendorapi.Vendor) { v.Streams[1].Parent.Places[0].EscapeTwice = false }),
			truth:     house(func(*vendorapi.Vendor) {}),
			want:      []string{"stream visits: children:", "answers 404", "escapeTwice"},
		},
		"the parent's time cannot be read": {
			described: house(func(v *vendorapi.Vendor) { v.Streams[1].Parent.TimePath = "about.topic" }),
			truth:     house(func(*vendorapi.Vendor) {}),
			want:      []string{"stream visits: children:", "parent.timePath", "about.topic"},
		},
		"children are read too early": {
			described: house(func(v *vendorapi.Vendor) {
				v.Streams[0].Lookback, v.Streams[1].Lookback, v.Streams[1].Settle = 0, 0, 0
			}),
			truth: house(func(*vendorapi.Vendor) {}),
			want:  []string{"stream visits: children:", "are missing", "lookback"},
		},
		"records come later than they settle": {
			described: of(func(s *stream) { s.Settle, s.Lookback = 0, 0 }), truth: of(func(s *stream) { s.Settle = vendorapi.Duration(2 * time.Hour) }),
			want: []string{"stream calls: windows:", "settle and lookback"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := &recorder{TB: t}
			if test.truth != nil {
				test.options = append(test.options, against(test.truth))
			}
			Check(r, test.described, test.options...)
			told := strings.Join(r.told, "\n")
			for _, want := range test.want {
				if !strings.Contains(told, want) {
					t.Errorf("it says\n%s\nwant %q", told, want)
				}
			}
			if len(r.told) == 0 {
				t.Error("nothing is told")
			}
		})
	}
}
