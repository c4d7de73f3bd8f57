package vendorapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestOneOfManyRenews asks one source for its token from many goroutines, whose token ends again and again.
func TestOneOfManyRenews(t *testing.T) {
	var issued atomic.Int64
	v := simple(serve(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"access_token":"token %d"}`, issued.Add(1))
	}))
	v.Auth = ClientCredentials(v.BaseURL + "/token")
	secret := Secret{"clientId": "a", "clientSecret": "b"}
	s := mustClient(t, v, secret, newClock().options()).tokens
	const goroutines, rounds = 8, 20
	for round := range rounds {
		var all sync.WaitGroup
		tokens := make([]string, goroutines)
		for i := range goroutines {
			all.Go(func() {
				var err error
				if tokens[i], err = s.token(t.Context()); err != nil {
					t.Error(err)
				}
				s.accepted(t.Context(), tokens[i])
				s.redact("text")
			})
		}
		all.Wait()
		for _, token := range tokens {
			if want := fmt.Sprintf("token %d", round+1); token != want {
				t.Fatalf("round %d: got %q, want %q for all", round, token, want)
			}
		}
		for i := range goroutines {
			all.Go(func() {
				if !s.rejected(t.Context(), tokens[i]) {
					t.Error("it is not worth asking again")
				}
			})
		}
		all.Wait()
	}
	if n := issued.Load(); n != rounds || s.counted(Stats{}).Tokens != rounds {
		t.Errorf("%d tokens were fetched, want %d", n, rounds)
	}
}

// Who waits for another one's renewal gives up when its own time is over.
func TestWaitingForARenewalEndsWithTheContext(t *testing.T) {
	asked, answer := make(chan struct{}), make(chan struct{})
	v := simple(serve(t, func(w http.ResponseWriter, r *http.Request) {
		close(asked)
		<-answer
		io.WriteString(w, `{"access_token":"a"}`)
	}))
	v.Auth = ClientCredentials(v.BaseURL + "/token")
	s := mustClient(t, v, Secret{"clientId": "a", "clientSecret": "b"}, newClock().options()).tokens
	done := make(chan error)
	go func() { _, err := s.token(t.Context()); done <- err }()
	<-asked
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := s.token(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	close(answer)
	if err := <-done; err != nil {
		t.Error(err)
	}
}
