package vendorapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// Keeper keeps a vendor's secret whose refresh token is replaced by its use, so that of all functions one spends it at a time,
// and what comes in its place is stored before it is used.
type Keeper interface {
	// Renew returns a token that is not stale, which is one that the vendor has rejected, or empty. It is either one that
	// another function has stored, or what spend brings, which Renew calls at most once and with the secret as it now is. An error of spend
	// that matches [ErrTokenLost] says that the refresh token must not be sent again.
	Renew(ctx context.Context, stale string, spend func(context.Context, Secret) (Grant, error)) (Grant, error)
}

// tokenSource fetches the token of a client, keeps and renews it. Its methods may be called from several goroutines at once: one
// of them renews, and the others wait for it.
type tokenSource struct {
	request TokenRequest
	stream  string
	// shown is the request as errors show it.
	shown   string
	timeout time.Duration
	retry   Retry
	http    *http.Client
	options Options
	// renew returns a token that is not stale, and whether it has just been fetched, and not only found.
	renew func(ctx context.Context, stale string) (grant Grant, fetched bool, err error)

	// turn is held by the one that looks at what follows, or renews it.
	turn  chan struct{}
	grant Grant
	// stale is the token that was rejected last.
	stale string
	// untried says that the token was fetched in place of a rejected one and has not been accepted yet.
	untried bool

	mutex    sync.Mutex
	stats    Stats
	hidden   []string
	replacer *strings.Replacer
}

// mostHidden is how many credentials are remembered to be hidden in texts, beside those of the secret to begin with.
const mostHidden = 32

// newTokenSource returns the source of a vendor's tokens. It sends no request yet.
func newTokenSource(v *Vendor, stream string, secret Secret, transport http.RoundTripper, o Options) (*tokenSource, error) {
	address, err := url.Parse(v.Auth.Token.URL)
	if err != nil {
		return nil, err
	}
	s := &tokenSource{
		request: v.Auth.Token.withDefaults(),
		stream:  stream,
		shown:   http.MethodPost + " " + v.Auth.Token.URL,
		timeout: v.requestTimeout(),
		retry:   v.Retry.withDefaults(),
		http:    &http.Client{Transport: transport, CheckRedirect: checkRedirect(address, "auth.token.url")},
		options: o,
		turn:    make(chan struct{}, 1),
	}
	s.renew = func(ctx context.Context, _ string) (Grant, bool, error) {
		grant, err := s.fetch(ctx, secret)
		return grant, true, err
	}
	if v.RenewsSecret() {
		if o.Keeper == nil {
			return nil, fmt.Errorf("vendorapi.Options: want Keeper, since the vendor %s may replace the refresh token in the secret's field %s", v.Name, s.request.Refresh.Field)
		}
		s.renew = func(ctx context.Context, stale string) (grant Grant, fetched bool, err error) {
			grant, err = o.Keeper.Renew(ctx, stale, func(ctx context.Context, secret Secret) (Grant, error) {
				fetched = true
				return s.fetch(ctx, secret)
			})
			return grant, fetched, err
		}
	}
	s.hideSecret(secret)
	return s, nil
}

// token returns the token to send next, which is renewed where half of its life is over or where it was rejected. Errors
// that are about the vendor are or wrap a [*RequestError] without a window.
func (s *tokenSource) token(ctx context.Context) (string, error) {
	if err := s.enter(ctx); err != nil {
		return "", err
	}
	defer s.leave()
	now := s.options.Now()
	if s.grant.Token != "" && now.Before(s.grant.RenewAt) {
		return s.grant.Token, nil
	}
	grant, fetched, err := s.renew(ctx, s.stale)
	if err != nil {
		return "", err
	}
	s.hide(grant.Token, grant.Refresh)
	s.options.Logger.InfoContext(ctx, "vendor token is renewed", "stream", s.stream, "rejected", s.stale != "", "fetched", fetched,
		"renewInSeconds", grant.RenewAt.Sub(now).Seconds())
	s.grant, s.untried, s.stale = grant, fetched && s.stale != "", ""
	return grant.Token, nil
}

// held returns the token that is held, if it need not be renewed.
func (s *tokenSource) held(ctx context.Context) (string, bool) {
	if s.enter(ctx) != nil {
		return "", false
	}
	defer s.leave()
	return s.grant.Token, s.grant.Token != "" && s.options.Now().Before(s.grant.RenewAt)
}

// rejected takes note that the vendor does not take a token, and says whether it is worth asking again with another one: not
// where this one came in place of a rejected one itself.
func (s *tokenSource) rejected(ctx context.Context, token string) bool {
	if s.enter(ctx) != nil {
		return false
	}
	defer s.leave()
	if s.grant.Token != token {
		return true
	}
	if s.untried {
		return false
	}
	s.stale, s.grant = token, Grant{}
	return true
}

// accepted takes note that the vendor takes a token.
func (s *tokenSource) accepted(ctx context.Context, token string) {
	if s.enter(ctx) != nil {
		return
	}
	defer s.leave()
	if s.grant.Token == token {
		s.untried = false
	}
}

func (s *tokenSource) enter(ctx context.Context) error {
	select {
	case s.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *tokenSource) leave() { <-s.turn }

// fetch asks for a token with the secret, repeatedly where that may help and does no harm.
func (s *tokenSource) fetch(ctx context.Context, secret Secret) (Grant, error) {
	s.hideSecret(secret)
	for attempt := 1; ; attempt++ {
		grant, last := s.try(ctx, secret)
		if last == nil {
			s.count(func(stats *Stats) { stats.Tokens++ })
			return grant, nil
		}
		fault := &RequestError{
			Request: s.shown, Attempts: attempt, Status: last.status, Throttled: last.throttled,
			Reason: shorten(s.redact(last.reason)), kinds: []error{last.kind},
		}
		if last.throttled {
			s.count(func(stats *Stats) { stats.Throttled++ })
		}
		if s.request.spends() && last.unclear() {
			fault.kinds = []error{ErrTokenLost}
			return Grant{}, fault
		}
		if err := ctx.Err(); err != nil {
			return Grant{}, stopped(err, fault)
		}
		if !last.retry || attempt == s.retry.MaxAttempts {
			return Grant{}, fault
		}
		wait := s.retry.wait(attempt, last.retryAfter, s.options.Now(), s.options.Random())
		s.options.Logger.WarnContext(ctx, "token request is repeated", "stream", s.stream, "attempt", attempt, "status", last.status,
			"throttled", last.throttled, "waitSeconds", wait.Seconds(), "reason", fault.Reason)
		waited, err := s.options.wait(ctx, wait)
		s.count(func(stats *Stats) { stats.Waited += waited })
		if err != nil {
			return Grant{}, stopped(err, fault)
		}
		s.count(func(stats *Stats) { stats.Retries++ })
	}
}

// try sends the request once.
func (s *tokenSource) try(ctx context.Context, secret Secret) (Grant, *failure) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	outgoing, err := s.request.outgoing(ctx, secret)
	if err != nil {
		return Grant{}, &failure{kind: ErrRefused, reason: "the request cannot be made: " + withoutURL(err), unsent: true}
	}
	s.count(func(stats *Stats) { stats.Requests++ })
	sent := s.options.Now()
	answer, err := s.http.Do(outgoing)
	if err != nil {
		return Grant{}, unsent(err)
	}
	defer answer.Body.Close()
	body, err := readBounded(ctx, answer.Body, nil, answer.ContentLength, maxErrorBytes, growFreely)
	grant, f := s.judge(answer, body, err, sent)
	if f != nil {
		f.status = answer.StatusCode
		f.retryAfter = answer.Header.Get("Retry-After")
	}
	return grant, f
}

// judge reads a grant from an answer, or says what is wrong with it. An answer of success is never quoted, since it holds tokens.
func (s *tokenSource) judge(answer *http.Response, body []byte, err error, sent time.Time) (Grant, *failure) {
	status := answer.StatusCode
	if also, ok := matching(s.retry.Also, status, body); ok || retryableStatus(status) {
		return Grant{}, &failure{kind: ErrUnavailable, reason: quote(answer, body, s.redact), retry: true, throttled: also.Throttled || status == http.StatusTooManyRequests}
	}
	if status/100 != 2 {
		f := &failure{kind: ErrRefused, reason: quote(answer, body, s.redact)}
		if status == http.StatusBadRequest || status == http.StatusUnauthorized || status == http.StatusForbidden {
			f.kind = ErrCredentials
			f.reason = "check " + strings.Join(s.fields(), ", ") + " in the vendor's secret: " + f.reason
		}
		return Grant{}, f
	}
	if errors.Is(err, errTooLarge) {
		return Grant{}, &failure{kind: ErrMalformed, reason: fmt.Sprintf("the answer is larger than %d bytes, which no token's is", maxErrorBytes)}
	}
	if err != nil {
		return Grant{}, &failure{kind: ErrUnavailable, reason: "the answer broke off: " + withoutURL(err), retry: true}
	}
	grant, err := s.request.grant(body, sent)
	if err != nil {
		return Grant{}, &failure{kind: ErrMalformed, reason: fmt.Sprintf("%v: %d %s, %s", err, status, http.StatusText(status), outline(body))}
	}
	return grant, nil
}

func (s *tokenSource) fields() []string {
	fields := s.request.secretFields()
	slices.Sort(fields)
	return slices.Compact(fields)
}

func (s *tokenSource) count(change func(*Stats)) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	change(&s.stats)
}

// counted adds what was counted to the stats of a client.
func (s *tokenSource) counted(stats Stats) Stats {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	stats.Requests += s.stats.Requests
	stats.Retries += s.stats.Retries
	stats.Throttled += s.stats.Throttled
	stats.Waited += s.stats.Waited
	stats.Tokens += s.stats.Tokens
	return stats
}

// hideSecret has redact hide what the request sends of a secret.
func (s *tokenSource) hideSecret(secret Secret) {
	var values []string
	for _, value := range secret {
		values = append(values, value)
	}
	if s.request.UsernameField != "" {
		values = append(values, basicPair(s.request.basic(secret)))
	}
	s.hide(values...)
}

// hide has redact hide further credentials.
func (s *tokenSource) hide(values ...string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for _, value := range values {
		if value == "" {
			continue
		}
		if known := slices.Index(s.hidden, value); known >= 0 {
			s.hidden = slices.Delete(s.hidden, known, known+1)
		}
		s.hidden = append(s.hidden, value)
	}
	if over := len(s.hidden) - mostHidden; over > 0 {
		s.hidden = slices.Delete(s.hidden, 0, over)
	}
	known := Secret{}
	for _, value := range s.hidden {
		known[value] = value
	}
	s.replacer = known.redactor(Auth{})
}

// redact hides the credentials in a text that the source has met.
func (s *tokenSource) redact(text string) string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.replacer.Replace(text)
}
