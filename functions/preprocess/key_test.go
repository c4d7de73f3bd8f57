package preprocess

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"

	"github.com/windrow-data/windrow/functions/privacy"
	"github.com/windrow-data/windrow/functions/vendorapi"
)

// keyed counts how often the key is asked for.
type keyed struct {
	key   privacy.Key
	err   error
	asked int
}

func (k *keyed) read(context.Context) (privacy.Key, error) {
	k.asked++
	return k.key, k.err
}

// newKeyedLake is a lake whose records have an e-mail address.
func newKeyedLake(t *testing.T, k *keyed) *lake {
	l := newLake(t)
	l.config.PrivacyKey = k.read
	l.config.Stream.Columns = append(l.config.Stream.Columns, vendorapi.Column{Name: "email", Type: vendorapi.TypeString, Personal: vendorapi.PersonalEmail})
	return l
}

// emails are what stands for them in all rows.
func (l *lake) emails() (emails []string) {
	for _, key := range l.store.Keys("curated", "on24/attendees/dt=") {
		body, _ := l.store.Body("curated", key)
		type row struct {
			Email *string `parquet:"email,optional"`
		}
		rows, err := parquet.Read[row](bytes.NewReader(body), int64(len(body)))
		if err != nil {
			l.t.Fatal(err)
		}
		for _, r := range rows {
			emails = append(emails, *r.Email)
		}
	}
	slices.Sort(emails)
	return emails
}

func TestTheKeyIsReadWhereAnObjectIsMade(t *testing.T) {
	k := &keyed{key: privacy.Key(strings.Repeat("k", privacy.LeastKeyLength))}
	l := newKeyedLake(t, k)
	l.commit(0, 1)
	if l.mustRun(); k.asked > 0 {
		t.Error("it is read where there is nothing to make")
	}
	l.commit(30, 1, "{\"id\":1,\"email\":\"Anna@example.com\"}\n")
	if l.mustRun(); k.asked != 1 {
		t.Errorf("it is read %d times for an object", k.asked)
	}
	if diff := cmp.Diff([]string{k.key.Digest("anna@example.com")}, l.emails()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	l.mustRun()
	if k.asked != 1 {
		t.Errorf("it is read %d times more by a run without anything new", k.asked-1)
	}
}

func TestNoWindowIsMadeWithoutTheKey(t *testing.T) {
	k := &keyed{err: errors.New("no key")}
	l := newKeyedLake(t, k)
	l.commit(0, 1, "{\"id\":1,\"email\":\"anna@example.com\"}\n")
	l.commit(30, 1, "{\"id\":2,\"email\":\"bob@example.com\"}\n")
	if _, err := l.run(); !errors.Is(err, k.err) || k.asked != 1 {
		t.Errorf("got %v after asking %d times, want the key's own error after once", err, k.asked)
	}
	if keys := l.store.Keys("curated", "on24/attendees/dt="); len(keys) > 0 {
		t.Errorf("the run has put %q", keys)
	}
	k.key, k.err = privacy.Key(strings.Repeat("k", privacy.LeastKeyLength)), nil
	if answer := l.mustRun(); answer.Windows != 2 || answer.Rows != 2 {
		t.Errorf("the next run has done %+v", answer)
	}
}

func TestAnotherProtectionMakesObjectsAgain(t *testing.T) {
	k := &keyed{key: privacy.Key(strings.Repeat("k", privacy.LeastKeyLength))}
	l := newKeyedLake(t, k)
	l.commit(0, 1, "{\"id\":1,\"email\":\"Anna@example.com\"}\n")
	l.mustRun()
	for protect, want := range map[vendorapi.Protection]string{
		vendorapi.ProtectMask: "a***@example.com", vendorapi.ProtectKeep: "Anna@example.com", vendorapi.ProtectHash: k.key.Digest("anna@example.com"),
	} {
		l.config.Stream.Columns[1].Protect = protect
		l.settle()
		if diff := cmp.Diff([]string{want}, l.emails()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", protect, diff)
		}
	}
}

func TestAnotherKeyMakesObjectsAgainWhereAllIsReplayed(t *testing.T) {
	k := &keyed{key: privacy.Key(strings.Repeat("k", privacy.LeastKeyLength))}
	l := newKeyedLake(t, k)
	l.commit(0, 1, "{\"id\":1,\"email\":\"anna@example.com\"}\n")
	l.settle()
	before := l.emails()
	k.key = privacy.Key(strings.Repeat("n", privacy.LeastKeyLength))
	if l.settle(); !slices.Equal(l.emails(), before) {
		t.Error("an ordinary run makes again what it cannot know to be of another key")
	}
	if _, err := Remake(context.Background(), l.config, Past{Start: noon, End: noon.Add(time.Hour), Replay: ReplayAll}, noon.Add(6*time.Hour)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{k.key.Digest("anna@example.com")}, l.emails()); diff != "" {
		t.Errorf("after a replay (-want +got):\n%s", diff)
	}
}
