package vendortest

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/windrow-data/windrow/functions/vendorapi"
	"github.com/windrow-data/windrow/functions/window"
)

// tokenClock is the time of client and server: sleeping moves it and takes none.
type tokenClock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *tokenClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *tokenClock) Sleep(_ context.Context, d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	return nil
}

var tokenSecret = map[string]string{
	"clientId": "the-id", "clientSecret": "the secret+/=&", "accountId": "the-account", "refreshToken": "first-refresh", "name": "mia", "key": "the-key",
}

// guarded is a vendor of one stream behind an authorization server, and the client that reads it.
type guarded struct {
	*Tokens
	clock  *tokenClock
	client *vendorapi.Client
	// asked counts the requests that reached the vendor, and answer is what it says to each.
	asked  int
	answer func(n int, w http.ResponseWriter)
	log    strings.Builder
}

func guard(t *testing.T, auth vendorapi.Auth, o TokensOptions) *guarded {
	t.Helper()
	g := &guarded{clock: &tokenClock{now: time.Date(2026, 3, 10, 18, 0, 0, 0, time.UTC)}}
	o.Now = g.clock.Now
	g.Tokens = NewTokens(auth, tokenSecret, o, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.asked++
		if g.answer != nil {
			g.answer(g.asked, w)
			return
		}
		io.WriteString(w, `{"things":[{"id":1}]}`)
	}))
	server := httptest.NewUnstartedServer(g.Tokens)
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	server.Start()
	t.Cleanup(server.Close)
	auth.Token.URL = server.URL + "/oauth/token"
	var err error
	g.client, err = vendorapi.NewClient(guardedVendor(server.URL, auth), "things", tokenSecret, vendorapi.Options{
		Now: g.clock.Now, Sleep: g.clock.Sleep, Random: func() float64 { return 0 }, Keeper: plainKeeper{},
		Logger: slog.New(slog.NewTextHandler(&g.log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func guardedVendor(address string, auth vendorapi.Auth) *vendorapi.Vendor {
	return &vendorapi.Vendor{
		Name: "guarded", BaseURL: address, AllowPrivate: true, Auth: auth,
		Streams: []vendorapi.Stream{{
			Name: "things", Path: "/things", RecordsPath: "things", Key: []string{"id"}, Audit: vendorapi.AuditReread,
			Window: vendorapi.Window{
				Start: vendorapi.Place{In: vendorapi.InQuery, Name: "from"}, End: vendorapi.Place{In: vendorapi.InQuery, Name: "to"},
				Layout: time.RFC3339, Resolution: vendorapi.Duration(time.Second),
			},
			Paging:  vendorapi.Paging{Kind: vendorapi.PagingNone},
			Columns: []vendorapi.Column{{Name: "id", Type: vendorapi.TypeInt64}},
		}},
	}
}

// plainKeeper is of a single function, which forgets what it was given.
type plainKeeper struct{}

func (plainKeeper) Renew(ctx context.Context, _ string, spend func(context.Context, vendorapi.Secret) (vendorapi.Grant, error)) (vendorapi.Grant, error) {
	return spend(ctx, tokenSecret)
}

func (g *guarded) page(ctx context.Context) error {
	start := time.Date(2026, 3, 10, 17, 0, 0, 0, time.UTC)
	_, err := g.client.Page(ctx, window.Window{Start: start, End: start.Add(time.Hour)}, vendorapi.Cursor{})
	return err
}

const tokenAddress = "http://placeholder.invalid/oauth/token"

func reusable(auth vendorapi.Auth) vendorapi.Auth {
	auth.Token.Refresh.Reusable = true
	return auth
}

func TestEachKindOfTokenLetsTheClientIn(t *testing.T) {
	login := vendorapi.Login(tokenAddress, "data.token", map[string]string{"user.name": "name", "user.key": "key"})
	login.Token.LifetimePath, login.Token.LifetimeUnit = "data.ttl", vendorapi.Duration(time.Minute)
	form := login
	form.Token.Body, form.Token.SecretFields = vendorapi.TokenForm, map[string]string{"name": "name", "key": "key"}
	inHeader, inQuery := login, login
	inHeader.Token.Header = "X-Session"
	inQuery.Token.Parameter = "session"
	for name, auth := range map[string]vendorapi.Auth{
		"client credentials":         vendorapi.ClientCredentials(tokenAddress, "read"),
		"client credentials in body": vendorapi.ClientCredentialsInBody(tokenAddress),
		"account credentials":        vendorapi.AccountCredentials(tokenAddress),
		"refresh token":              vendorapi.RefreshToken(tokenAddress),
		"login":                      login,
		"login by a form":            form,
		"token in a header":          inHeader,
		"token in the query":         inQuery,
	} {
		t.Run(name, func(t *testing.T) {
			g := guard(t, auth, TokensOptions{})
			for range 3 {
				if err := g.page(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(TokenStats{Requests: 1, Issued: 1}, g.Tokens.Stats()); diff != "" {
				t.Errorf("the token is fetched once (-want +got):\n%s", diff)
			}
			// Half of the hour is over.
			g.clock.Sleep(t.Context(), 30*time.Minute)
			if err := g.page(t.Context()); err != nil || g.Tokens.Stats().Issued != 2 || g.Tokens.Stats().Rejected != 0 {
				t.Errorf("after half the token's life: %v, %+v", err, g.Tokens.Stats())
			}
			if s := g.client.Stats(); s.Requests != 6 || s.Tokens != 2 || s.Retries != 0 {
				t.Errorf("the client counts %+v, want 6 requests, of which 2 were for tokens", s)
			}
			if said := g.log.String(); strings.Contains(said, "simulated-token") || strings.Count(said, "vendor token is renewed") != 2 {
				t.Errorf("logged %s", said)
			}
		})
	}
}

func TestAnEndedTokenIsRenewedOnce(t *testing.T) {
	goTo := reusable(vendorapi.RefreshToken(tokenAddress))
	goTo.Token.Rejected = []vendorapi.Answer{{Status: http.StatusForbidden, BodyContains: "token has expired"}}
	for name, test := range map[string]struct {
		auth    vendorapi.Auth
		options TokensOptions
	}{
		"401":        {vendorapi.ClientCredentials(tokenAddress), TokensOptions{}},
		"GoTo's 403": {goTo, TokensOptions{Status: http.StatusForbidden, Body: `{"int_err_code":"InvalidToken","msg":"The Token has expired"}`}},
	} {
		t.Run(name, func(t *testing.T) {
			g := guard(t, test.auth, test.options)
			for round := 1; round <= 3; round++ {
				if err := g.page(t.Context()); err != nil {
					t.Fatal(err)
				}
				if s := g.Tokens.Stats(); s.Issued != round || s.Rejected != round-1 {
					t.Fatalf("round %d: %+v", round, s)
				}
				g.Revoke()
			}
			if s := g.client.Stats(); s.Retries != 2 || s.Throttled != 0 {
				t.Errorf("%+v, want each repetition counted", s)
			}
		})
	}
	t.Run("another 403", func(t *testing.T) {
		g := guard(t, goTo, TokensOptions{Status: http.StatusForbidden, Body: "not yours"})
		if err := g.page(t.Context()); err != nil {
			t.Fatal(err)
		}
		g.Revoke()
		if err := g.page(t.Context()); !errors.Is(err, vendorapi.ErrRefused) || g.Tokens.Stats().Issued != 1 {
			t.Errorf("got %v, %+v", err, g.Tokens.Stats())
		}
	})
}

func TestATokenThatIsNeverTakenIsRefused(t *testing.T) {
	g := guard(t, vendorapi.AccountCredentials(tokenAddress), TokensOptions{})
	g.answer = func(_ int, w http.ResponseWriter) { w.WriteHeader(http.StatusUnauthorized) }
	err := g.page(t.Context())
	var request *vendorapi.RequestError
	if !errors.As(err, &request) || !errors.Is(err, vendorapi.ErrRefused) || request.Status != http.StatusUnauthorized || request.Attempts != 2 {
		t.Errorf("got %v", err)
	}
	if !strings.Contains(err.Error(), "check accountId, clientId, clientSecret in the vendor's secret") || g.Tokens.Stats().Issued != 2 {
		t.Errorf("got %v, %+v", err, g.Tokens.Stats())
	}
	// The next page does not go round again with the same token, and a good answer makes it good for another renewal.
	if err := g.page(t.Context()); !errors.Is(err, vendorapi.ErrRefused) || g.Tokens.Stats().Issued != 2 {
		t.Errorf("got %v, %+v", err, g.Tokens.Stats())
	}
	g.answer = nil
	for range 2 {
		if err := g.page(t.Context()); err != nil {
			t.Fatal(err)
		}
		g.Revoke()
	}
}

// TestATokenThatEndsInABackOffIsRenewedBeforeTheNextAttempt waits for longer than a token lives.
func TestATokenThatEndsInABackOffIsRenewedBeforeTheNextAttempt(t *testing.T) {
	g := guard(t, vendorapi.AccountCredentials(tokenAddress), TokensOptions{Lifetime: 40 * time.Second})
	g.answer = func(n int, w http.ResponseWriter) {
		if n < 3 {
			w.Header().Set("Retry-After", "50")
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		io.WriteString(w, `{"things":[]}`)
	}
	if err := g.page(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(TokenStats{Requests: 3, Issued: 3}, g.Tokens.Stats()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestTokenRequestsAreRepeatedPolitely(t *testing.T) {
	down := &TokenFault{Status: http.StatusServiceUnavailable, RetryAfter: "7"}
	full := &TokenFault{Status: http.StatusTooManyRequests}
	plain, spending := vendorapi.ClientCredentials(tokenAddress), vendorapi.RefreshToken(tokenAddress)
	for name, test := range map[string]struct {
		auth      vendorapi.Auth
		fault     func(n int) *TokenFault
		deadline  time.Duration
		want      error
		requests  int
		retries   int
		throttled int
		waited    time.Duration
		says      string
	}{
		"down twice":          {plain, first(2, down), 0, nil, 3, 2, 0, 14 * time.Second, ""},
		"throttled":           {plain, first(2, full), 0, nil, 3, 2, 2, 3 * time.Second, ""},
		"broken":              {plain, first(1, &TokenFault{}), 0, nil, 2, 1, 0, time.Second, ""},
		"failing":             {plain, first(1, &TokenFault{Status: 500}), 0, nil, 2, 1, 0, time.Second, ""},
		"down for good":       {plain, first(99, full), 0, vendorapi.ErrUnavailable, 6, 5, 6, 31 * time.Second, "429"},
		"no time":             {plain, first(99, down), 5 * time.Second, vendorapi.ErrDeadline, 1, 0, 0, 0, "503"},
		"wrong credentials":   {plain, first(99, &TokenFault{Status: 400, Body: `{"error":"invalid_client"}`}), 0, vendorapi.ErrCredentials, 1, 0, 0, 0, "check clientId, clientSecret in the vendor's secret: 400 Bad Request, text/plain; charset=utf-8: {\"error\":\"invalid_client\"}"},
		"wrong address":       {plain, first(99, &TokenFault{Status: 404}), 0, vendorapi.ErrRefused, 1, 0, 0, 0, "404"},
		"no token":            {plain, first(99, &TokenFault{Status: 200, Body: `{"ok":false}`}), 0, vendorapi.ErrMalformed, 1, 0, 0, 0, "no token stands at tokenPath"},
		"spending, throttled": {spending, first(2, full), 0, nil, 3, 2, 2, 3 * time.Second, ""},
		"spending, down":      {spending, first(2, down), 0, nil, 3, 2, 0, 14 * time.Second, ""},
		"spending, refused":   {spending, first(2, &TokenFault{Status: 400}), 0, vendorapi.ErrCredentials, 1, 0, 0, 0, "check clientId, clientSecret, refreshToken"},
		"spending, broken":    {spending, first(1, &TokenFault{}), 0, vendorapi.ErrTokenLost, 1, 0, 0, 0, ""},
		"spending, failing":   {spending, first(1, &TokenFault{Status: 500}), 0, vendorapi.ErrTokenLost, 1, 0, 0, 0, "500"},
		"spending, no token":  {spending, first(1, &TokenFault{Status: 200, Body: "{}"}), 0, vendorapi.ErrTokenLost, 1, 0, 0, 0, "no token stands at"},
		"reusable, broken":    {reusable(spending), first(1, &TokenFault{}), 0, nil, 2, 1, 0, time.Second, ""},
	} {
		t.Run(name, func(t *testing.T) {
			g := guard(t, test.auth, TokensOptions{Before: test.fault})
			ctx := t.Context()
			if test.deadline > 0 {
				// The deadline is by the client's clock, and far off by the machine's.
				ctx = deadlineContext{ctx, g.clock.Now().Add(test.deadline)}
			}
			err := g.page(ctx)
			if !errors.Is(err, test.want) || err != nil && !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %v, want %v", err, test.want)
			}
			if test.want == vendorapi.ErrTokenLost && (errors.Is(err, vendorapi.ErrRefused) || errors.Is(err, vendorapi.ErrMalformed)) {
				t.Errorf("%v matches a kind that concerns one window", err)
			}
			if err != nil && !strings.Contains(err.Error(), "POST http://127.0.0.1") {
				t.Errorf("%v does not name the request", err)
			}
			s := g.client.Stats()
			if g.Tokens.Stats().Requests != test.requests || s.Retries != test.retries || s.Throttled != test.throttled || s.Waited != test.waited {
				t.Errorf("%+v, %+v; want %d requests, %d retries, %d throttled, %v waited", g.Tokens.Stats(), s, test.requests, test.retries, test.throttled, test.waited)
			}
		})
	}
}

// first answers the first n token requests with a fault.
func first(n int, fault *TokenFault) func(int) *TokenFault {
	return func(request int) *TokenFault {
		if request <= n {
			return fault
		}
		return nil
	}
}

type deadlineContext struct {
	context.Context
	at time.Time
}

func (c deadlineContext) Deadline() (time.Time, bool) { return c.at, true }

func TestASpentRefreshTokenEndsTheFamily(t *testing.T) {
	g := guard(t, vendorapi.RefreshToken(tokenAddress), TokensOptions{Rotate: true})
	if err := g.page(t.Context()); err != nil {
		t.Fatal(err)
	}
	// plainKeeper sends the first refresh token again, as a naive client does.
	g.clock.Sleep(t.Context(), 30*time.Minute)
	err := g.page(t.Context())
	if !errors.Is(err, vendorapi.ErrCredentials) || g.Tokens.Refresh() != "" || g.Tokens.Stats().Reused != 1 {
		t.Errorf("got %v, %+v", err, g.Tokens.Stats())
	}
	g.Authorize("anew")
	if g.Tokens.Refresh() != "anew" {
		t.Error("it cannot be authorized again")
	}
}

// TestTokensStandBeforeADescribedVendor reads a generated world through an authorization server whose tokens end all the time.
func TestTokensStandBeforeADescribedVendor(t *testing.T) {
	clock := &tokenClock{now: realNow}
	v := guardedVendor("http://vendor.example", vendorapi.AccountCredentials("http://vendor.example/oauth/token"))
	v.Streams[0].TimePath = "at"
	v.Streams[0].Columns = append(v.Streams[0].Columns, vendorapi.Column{Name: "at", Type: vendorapi.TypeTimestamp})
	v.Streams[0].Paging = vendorapi.Paging{Kind: vendorapi.PagingOffset, Place: vendorapi.Place{In: vendorapi.InQuery, Name: "skip"}, Size: 10}
	size := Size{Seed: 1, From: realNow.Add(-24 * time.Hour), Until: realNow, Attendees: 200}
	world, err := Generate(v, size)
	if err != nil {
		t.Fatal(err)
	}
	server := NewServer(v, world, tokenSecret, ServerOptions{Now: realNow.Add(48 * time.Hour)})
	tokens := NewTokens(v.Auth, tokenSecret, TokensOptions{Now: clock.Now}, server)
	revoking := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tokens.ServeHTTP(w, r)
		if r.URL.Path == "/things" {
			tokens.Revoke()
		}
	})
	in := window.Window{Start: size.From, End: size.Until}
	got, err := read(v, handlerTransport{revoking}, "things", tokenSecret, in)
	if err != nil {
		t.Fatal(err)
	}
	if want := len(world.Records("things", in, realNow.Add(48*time.Hour))); len(got) != want || want < 100 || tokens.Stats().Issued < 10 {
		t.Errorf("%d of %d records with %+v", len(got), want, tokens.Stats())
	}
}
