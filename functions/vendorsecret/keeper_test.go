package vendorsecret_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/windrow-data/windrow/functions/lease"
	"github.com/windrow-data/windrow/functions/objectstore/objectstoretest"
	"github.com/windrow-data/windrow/functions/vendorapi"
	"github.com/windrow-data/windrow/functions/vendorapi/vendortest"
	"github.com/windrow-data/windrow/functions/vendorsecret"
	"github.com/windrow-data/windrow/functions/window"
	"github.com/windrow-data/windrow/infra/local/secrets"
)

// These tests let functions renew their token against an authorization server that revokes everything when a spent refresh token
// is sent again, Secrets Manager as a local run has it, and a model of S3. Every call that leaves a function is a step,
// at which it may be killed, or put to sleep while others go on.

const (
	arn   = "arn:aws:secretsmanager:eu-central-1:000000000000:secret:vendor-local0"
	key   = "acme/lease-token.json"
	first = "first-refresh"
)

// strict revokes everything when a spent refresh token is sent again.
var strict = vendortest.TokensOptions{Rotate: true}

// handler answers requests in memory.
type handler struct{ http.Handler }

func (h handler) RoundTrip(r *http.Request) (*http.Response, error) {
	rec := httptest.NewRecorder()
	if r.Body == nil {
		r.Body = http.NoBody
	}
	h.ServeHTTP(rec, r)
	return rec.Result(), nil
}

// world is what functions have in common.
type world struct {
	vendor *vendorapi.Vendor
	tokens *vendortest.Tokens
	vault  *secretsmanager.Client
	store  *objectstoretest.Store

	mu  sync.Mutex
	now time.Time
}

func (w *world) Now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

func newWorld(o vendortest.TokensOptions) *world {
	w := &world{store: objectstoretest.New(), now: time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)}
	secret := map[string]string{"clientId": "the-id", "clientSecret": "the-secret", "refreshToken": first}
	w.vendor = &vendorapi.Vendor{
		Name: "acme", BaseURL: "https://api.acme.example", Auth: vendorapi.RefreshToken("https://login.acme.example/token"),
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
	o.Now = w.Now
	w.tokens = vendortest.NewTokens(w.vendor.Auth, secret, o,
		http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { fmt.Fprint(rw, `{"things":[]}`) }))
	server := secrets.NewServer(w.Now)
	body, _ := json.Marshal(secret)
	server.Set(arn, "vendor", string(body))
	w.vault = secretsmanager.New(secretsmanager.Options{
		Region: "eu-central-1", BaseEndpoint: aws.String("http://vault"), HTTPClient: &http.Client{Transport: handler{server}}, RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider("access", "secret", ""),
	})
	return w
}

// current is the secret as it is.
func (w *world) current() map[string]string {
	output, err := w.vault.GetSecretValue(context.Background(), &secretsmanager.GetSecretValueInput{SecretId: aws.String(arn)})
	if err != nil {
		panic(err)
	}
	fields := map[string]string{}
	if err := json.Unmarshal([]byte(*output.SecretString), &fields); err != nil {
		panic(err)
	}
	return fields
}

// edit is a person who changes fields of the secret.
func (w *world) edit(fields map[string]string) {
	secret := w.current()
	maps.Copy(secret, fields)
	body, _ := json.Marshal(secret)
	if _, err := w.vault.PutSecretValue(context.Background(), &secretsmanager.PutSecretValueInput{SecretId: aws.String(arn), SecretString: aws.String(string(body))}); err != nil {
		panic(err)
	}
}

// authorize is a person who authorizes the app again.
func (w *world) authorize(refresh string) {
	w.tokens.Authorize(refresh)
	w.edit(map[string]string{"refreshToken": refresh})
}

var errKilled = errors.New("killed")

// process is one function. step is asked before each call that leaves it, and says whether that has its effect and whether its
// answer arrives.
type process struct {
	*world
	name string
	step func(what string) (effect, answer bool)
	dead bool
}

// do makes a call that leaves the process.
func (p *process) do(what string, call func() error) error {
	if p.dead {
		return errKilled
	}
	effect, answer := p.step(what)
	var err error
	if effect {
		err = call()
	}
	if !answer {
		p.dead = true
		return errKilled
	}
	return err
}

func (p *process) RoundTrip(r *http.Request) (answer *http.Response, err error) {
	err = p.do("token request", func() error {
		answer, err = handler{p.tokens}.RoundTrip(r)
		return err
	})
	if err != nil {
		return nil, err
	}
	return answer, nil
}

// vault is Secrets Manager as the process sees it.
type vault struct{ *process }

func (v vault) GetSecretValue(ctx context.Context, in *secretsmanager.GetSecretValueInput, _ ...func(*secretsmanager.Options)) (out *secretsmanager.GetSecretValueOutput, err error) {
	err = v.do("get secret", func() error { out, err = v.vault.GetSecretValue(ctx, in); return err })
	return out, err
}

func (v vault) PutSecretValue(ctx context.Context, in *secretsmanager.PutSecretValueInput, _ ...func(*secretsmanager.Options)) (out *secretsmanager.PutSecretValueOutput, err error) {
	err = v.do("put secret", func() error { out, err = v.vault.PutSecretValue(ctx, in); return err })
	return out, err
}

func (v vault) UpdateSecretVersionStage(ctx context.Context, in *secretsmanager.UpdateSecretVersionStageInput, _ ...func(*secretsmanager.Options)) (out *secretsmanager.UpdateSecretVersionStageOutput, err error) {
	err = v.do("move stage", func() error { out, err = v.vault.UpdateSecretVersionStage(ctx, in); return err })
	return out, err
}

// fetch has the process fetch a page with a client of its own, as a function does that has just started.
func (p *process) fetch() error {
	client, err := p.client()
	if err != nil {
		return err
	}
	return page(client)
}

func (p *process) client() (*vendorapi.Client, error) { return p.clientOf(vault{p}) }

func (p *process) clientOf(api vendorsecret.API) (*vendorapi.Client, error) {
	bucket := p.store.Bucket("raw")
	bucket.API = bucketOf{p, p.store}
	options := vendorapi.Options{
		Transport: apiOrTokens{p}, Now: p.Now, Random: func() float64 { return 0 }, Logger: slog.New(slog.DiscardHandler),
		Sleep: func(_ context.Context, d time.Duration) error {
			return p.do("sleep", func() error { p.pass(d); return nil })
		},
	}
	options.Keeper = &vendorsecret.Keeper{
		Store:  vendorsecret.Store{API: api, ID: arn, Vendor: p.vendor},
		Lease:  lease.Leaser{Bucket: bucket, Key: key, Holder: p.name, TTL: vendorsecret.TTL(p.vendor), Now: p.Now},
		Sleep:  options.Sleep,
		Logger: options.Logger,
	}
	return vendorapi.NewClient(p.vendor, "things", p.current(), options)
}

func page(client *vendorapi.Client) error {
	start := time.Date(2026, 3, 10, 10, 0, 0, 0, time.UTC)
	_, err := client.Page(context.Background(), window.Window{Start: start, End: start.Add(time.Hour)}, vendorapi.Cursor{})
	return err
}

// apiOrTokens counts requests for tokens as steps, and no others.
type apiOrTokens struct{ *process }

func (a apiOrTokens) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Host == "login.acme.example" {
		return a.process.RoundTrip(r)
	}
	return handler{a.tokens}.RoundTrip(r)
}

func live(string) (bool, bool) { return true, true }

// lives is a function that is never killed.
func (w *world) lives(name string) *process { return &process{world: w, name: name, step: live} }

func TestARotatedRefreshTokenIsStored(t *testing.T) {
	w := newWorld(strict)
	w.edit(map[string]string{"note": "of a person"})
	var before string
	for round := 1; round <= 3; round++ {
		before = w.current()["refreshToken"]
		for _, name := range []string{"one", "two", "three"} {
			if err := w.lives(fmt.Sprint(name, round)).fetch(); err != nil {
				t.Fatal(err)
			}
		}
		if s := w.tokens.Stats(); s.Issued != round || s.Reused != 0 || s.Rejected != 0 {
			t.Fatalf("round %d: %+v, want one token for all functions", round, s)
		}
		w.pass(30 * time.Minute)
	}
	got := w.current()
	want := map[string]string{
		"clientId": "the-id", "clientSecret": "the-secret", "note": "of a person", "refreshToken": w.tokens.Refresh(),
		vendorapi.FieldSpentToken: before, vendorapi.FieldAccessToken: "simulated-token-3", vendorapi.FieldRenewAt: got[vendorapi.FieldRenewAt],
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if body, _ := w.store.Body("raw", key); strings.Contains(string(body), "refresh") || strings.Contains(string(body), "simulated") {
		t.Errorf("the lease holds %s", body)
	}
}

// A vendor that takes a refresh token again gives a new one all the same now and then: that is stored, and a crash costs nothing.
func TestAReusableRefreshTokenIsReplacedNowAndThen(t *testing.T) {
	for n := 1; n <= 11; n++ {
		w := newWorld(vendortest.TokensOptions{ReplaceEvery: 2})
		w.vendor.Auth.Token.Refresh.Reusable = true
		killed, at := w.lives("killed"), 0
		killed.step = func(string) (bool, bool) { at++; return at <= n, at < n }
		_ = killed.fetch()
		for round := range 4 {
			w.pass(time.Hour)
			if err := w.lives(fmt.Sprint("after ", round)).fetch(); err != nil {
				t.Fatalf("killed at step %d: %v", n, err)
			}
		}
		if got := w.current()["refreshToken"]; got == first || got != w.tokens.Refresh() {
			t.Errorf("killed at step %d: the secret holds %q, the newest is %q", n, got, w.tokens.Refresh())
		}
	}
}

func TestARefreshTokenThatStaysIsLeftAlone(t *testing.T) {
	w := newWorld(vendortest.TokensOptions{})
	before := w.current()
	for _, name := range []string{"one", "two"} {
		if err := w.lives(name).fetch(); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(before, w.current()); diff != "" || w.tokens.Stats().Issued != 2 {
		t.Errorf("%+v (-want +got):\n%s", w.tokens.Stats(), diff)
	}
}

// A token that another function has stored may have ended too: that is no reason to give up.
func TestAStoredTokenThatIsRejectedIsRenewed(t *testing.T) {
	w := newWorld(strict)
	client, err := w.lives("one").client()
	if err == nil {
		err = page(client)
	}
	if err != nil {
		t.Fatal(err)
	}
	// Another function renews for the same reason, and that token is ended as well.
	w.tokens.Revoke()
	if err := w.lives("two").fetch(); err != nil {
		t.Fatal(err)
	}
	w.tokens.Revoke()
	if err := page(client); err != nil || w.tokens.Stats().Issued != 3 {
		t.Errorf("%v, %+v", err, w.tokens.Stats())
	}
}

// A token that the vendor ends before its time is renewed by one function, and the others find the new one in the secret.
func TestARejectedTokenIsRenewedByOne(t *testing.T) {
	w := newWorld(strict)
	for _, name := range []string{"one", "two", "three"} {
		if name == "two" {
			w.tokens.Revoke()
		}
		if err := w.lives(name).fetch(); err != nil {
			t.Fatal(err)
		}
	}
	if s := w.tokens.Stats(); s.Issued != 2 || s.Rejected != 1 {
		t.Errorf("%+v", s)
	}
}

// TestAFunctionThatIsKilledAtAnyStep kills a function at each of its steps, before the call takes effect and after it. Another
// one comes when the lease has expired, and a third one after a person has authorized again where that is needed.
func TestAFunctionThatIsKilledAtAnyStep(t *testing.T) {
	var steps []string
	count := newWorld(strict).lives("count")
	count.step = func(what string) (bool, bool) { steps = append(steps, what); return true, true }
	if err := count.fetch(); err != nil {
		t.Fatal(err)
	}
	lost := 0
	for n, what := range steps {
		for _, effect := range []bool{false, true} {
			t.Run(fmt.Sprintf("%d %s, effect %v", n+1, what, effect), func(t *testing.T) {
				w := newWorld(strict)
				killed, at := w.lives("killed"), 0
				killed.step = func(string) (bool, bool) {
					at++
					return at < n+1 || at == n+1 && effect, at < n+1
				}
				err := killed.fetch()
				// The work of the last step, which gives the lease back, is done.
				if err == nil && n+1 < len(steps) {
					t.Fatal("it was not killed")
				}
				w.edit(map[string]string{"note": "of a person"})
				w.pass(vendorsecret.TTL(w.vendor) + lease.Skew)
				stored := w.current()["refreshToken"] != first || pendingIsThere(w)
				noted := strings.Contains(leaseOf(w), "spends")
				err = w.lives("next").fetch()
				if want := noted && !stored; errors.Is(err, vendorapi.ErrTokenLost) != want || !want && err != nil {
					t.Fatalf("the next one: %v, want the token lost: %v", err, want)
				}
				if err != nil {
					lost++
					command := `aws secretsmanager put-secret-value --region eu-central-1 --secret-id ` + arn + ` --secret-string '{"clientId":"...","clientSecret":"...","refreshToken":"..."}'`
					if !strings.Contains(err.Error(), command) {
						t.Errorf("%v does not say what to do: %s", err, command)
					}
					// It stays so, whatever else is edited, until there is another token.
					w.edit(map[string]string{"clientId": "the-id"})
					if err := w.lives("again").fetch(); !errors.Is(err, vendorapi.ErrTokenLost) {
						t.Errorf("got %v", err)
					}
					w.authorize("authorized-again")
					if err := w.lives("third").fetch(); err != nil {
						t.Fatal(err)
					}
				}
				if s := w.tokens.Stats(); s.Reused != 0 {
					t.Errorf("%+v", s)
				}
				if got := w.current(); got["refreshToken"] != w.tokens.Refresh() || got["note"] != "of a person" {
					t.Errorf("the secret holds %q and %q, the good token is %q", got["refreshToken"], got["note"], w.tokens.Refresh())
				}
			})
		}
	}
	if lost != 4 {
		t.Errorf("a person has to authorize again after %d of %d deaths, want 4: from the note until the new token is put", lost, 2*len(steps))
	}
}

func leaseOf(w *world) string {
	body, _ := w.store.Body("raw", key)
	return string(body)
}

func pendingIsThere(w *world) bool {
	_, err := w.vault.GetSecretValue(context.Background(), &secretsmanager.GetSecretValueInput{SecretId: aws.String(arn), VersionStage: aws.String(vendorsecret.StagePending)})
	return err == nil
}

// TestASecretReadTooSoonIsNotSpent has Secrets Manager tell once more of what was current before, as a distributed service may.
func TestASecretReadTooSoonIsNotSpent(t *testing.T) {
	w := newWorld(strict)
	before, err := w.vault.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: aws.String(arn)})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.lives("one").fetch(); err != nil {
		t.Fatal(err)
	}
	w.pass(30 * time.Minute)
	p := w.lives("two")
	client, err := p.clientOf(late{vault{p}, before})
	if err == nil {
		err = page(client)
	}
	if s := w.tokens.Stats(); err != nil || s.Reused != 0 || s.Issued != 2 {
		t.Errorf("%v, %+v", err, s)
	}
}

// late is Secrets Manager where it has not heard yet of a version that was made current.
type late struct {
	vault
	before *secretsmanager.GetSecretValueOutput
}

func (l late) GetSecretValue(ctx context.Context, in *secretsmanager.GetSecretValueInput, o ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error) {
	if aws.ToString(in.VersionStage) == "AWSCURRENT" {
		return l.before, nil
	}
	if in.VersionStage != nil {
		return nil, &types.ResourceNotFoundException{}
	}
	return l.vault.GetSecretValue(ctx, in, o...)
}

// TestAnOlderValueThatAPersonPutsBackIsMended has a person edit a copy of the secret that was taken before a renewal.
func TestAnOlderValueThatAPersonPutsBackIsMended(t *testing.T) {
	w := newWorld(strict)
	if err := w.lives("one").fetch(); err != nil {
		t.Fatal(err)
	}
	w.edit(map[string]string{"refreshToken": first, "note": "old", vendorapi.FieldAccessToken: ""})
	w.pass(30 * time.Minute)
	if err := w.lives("two").fetch(); err != nil || w.tokens.Stats().Reused != 0 {
		t.Fatalf("%v, %+v", err, w.tokens.Stats())
	}
	if got := w.current(); got["refreshToken"] != w.tokens.Refresh() || got["note"] != "old" {
		t.Errorf("got %v", got)
	}
}

// TestFunctionsAtOnceNeverSpendATokenTwice draws which of three functions goes on, how long it takes, who is killed at what, and when a person
// edits the secret or authorizes again.
func TestFunctionsAtOnceNeverSpendATokenTwice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(strict)
		type parked struct {
			p      *process
			what   string
			resume chan [2]bool
		}
		const alive = 3
		stops, ended := make(chan parked), make(chan error)
		running, started := 0, 0
		start := func() {
			started++
			p := w.lives(fmt.Sprint("function ", started))
			p.step = func(what string) (bool, bool) {
				at := parked{p, what, make(chan [2]bool)}
				stops <- at
				told := <-at.resume
				return told[0], told[1]
			}
			running++
			go func() { ended <- p.fetch() }()
		}
		var waiting []parked
		settle := func() {
			for running > 0 {
				select {
				case at := <-stops:
					waiting = append(waiting, at)
				case err := <-ended:
					if err != nil && !errors.Is(err, errKilled) && !strings.Contains(err.Error(), errKilled.Error()) && !errors.Is(err, vendorapi.ErrTokenLost) &&
						!errors.Is(err, vendorapi.ErrRefused) {
						t.Fatalf("a function failed: %v", err)
					}
				}
				running--
			}
		}
		resume := func(i int, effect, answer bool) {
			at := waiting[i]
			waiting = append(waiting[:i:i], waiting[i+1:]...)
			running++
			at.resume <- [2]bool{effect, answer}
			settle()
		}
		notes := 0
		for range rapid.IntRange(5, 150).Draw(t, "steps") {
			for len(waiting) < alive {
				start()
				settle()
			}
			i := rapid.IntRange(0, len(waiting)-1).Draw(t, "who")
			switch does := rapid.IntRange(0, 59).Draw(t, "does"); {
			case does == 0:
				resume(i, rapid.Bool().Draw(t, "effect"), false)
			case does == 1:
				w.pass(vendorsecret.TTL(w.vendor) + lease.Skew)
			case does == 2:
				w.pass(30 * time.Minute)
			case does == 3:
				w.tokens.Revoke()
			case does == 4:
				notes++
				w.edit(map[string]string{"note": fmt.Sprint(notes)})
			case does == 5:
				w.authorize(fmt.Sprint("authorized-", w.Now().UnixNano(), "-", notes))
			default:
				resume(i, true, true)
			}
			if s := w.tokens.Stats(); s.Reused != 0 {
				t.Fatalf("a token was spent twice: %+v", s)
			}
		}
		for len(waiting) > 0 {
			resume(0, true, true)
		}
		w.pass(vendorsecret.TTL(w.vendor) + lease.Skew + time.Hour)
		err := w.lives("last").fetch()
		if err != nil {
			w.authorize("the last one")
			err = w.lives("very last").fetch()
		}
		if got := w.current(); err != nil || got["refreshToken"] != w.tokens.Refresh() || notes > 0 && got["note"] != fmt.Sprint(notes) || w.tokens.Stats().Reused != 0 {
			t.Fatalf("at the end: %v, %v, %+v, good is %q, %d notes", err, got, w.tokens.Stats(), w.tokens.Refresh(), notes)
		}
	})
}
