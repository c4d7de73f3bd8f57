package simulation

import (
	"context"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"pgregory.net/rapid"

	"github.com/windrow-data/windrow/functions/ingest"
	"github.com/windrow-data/windrow/functions/objectstore"
	"github.com/windrow-data/windrow/functions/vendorapi"
	"github.com/windrow-data/windrow/functions/window"
)

// unconditional takes the conditions from puts of keys that hold a text.
type unconditional struct {
	objectstore.API
	key string
}

func (u unconditional) PutObject(ctx context.Context, in *s3.PutObjectInput, options ...func(*s3.Options)) (*s3.PutObjectOutput, error) {
	if strings.Contains(*in.Key, u.key) {
		bare := *in
		bare.IfMatch, bare.IfNoneMatch = nil, nil
		in = &bare
	}
	return u.API.PutObject(ctx, in, options...)
}

func withoutConditions(key string) func(objectstore.API) objectstore.API {
	return func(api objectstore.API) objectstore.API { return unconditional{api, key} }
}

// steady is a vendor whose totals never move, whatever its records do.
type steady struct {
	ingest.Vendor
	totals map[window.Window]int64
}

func (s steady) Page(ctx context.Context, w window.Window, at vendorapi.Cursor) (*vendorapi.Page, error) {
	page, err := s.Vendor.Page(ctx, w, at)
	if err != nil || page.Total < 0 {
		return page, err
	}
	total, known := s.totals[w]
	if !known {
		total = page.Total
		s.totals[w] = total
	}
	page.Total = total
	if page.Last {
		page.Next.Seen = total
	}
	return page, nil
}

// TestEachMutationIsFound bends the protocol in one place at a time and wants a history that shows it. The
// kinds of fault are those that can, so that few histories are enough.
func TestEachMutationIsFound(t *testing.T) {
	rivals := []string{rivalBefore, rivalAfter, hang}
	tests := map[string]struct {
		setting
		want string
	}{
		"a commit without its condition": {
			setting{s3: withoutConditions("/commits/"), s3Faults: rivals, vendorFaults: rivals}, "does not start where the one before ends",
		},
		"two first starts": {
			setting{ticks: 1, s3: withoutConditions("/genesis.json"), s3Faults: rivals, vendorFaults: rivals}, "does not start where the one before ends",
		},
		"an unconditional curated put": {
			setting{s3: withoutConditions("/dt="), s3Faults: []string{rivalBefore, crashAfter}, vendorFaults: []string{vendorError}}, "made from another commit or other columns",
		},
		"a total that is not compared": {
			setting{
				vendor:   func(v ingest.Vendor) ingest.Vendor { return steady{v, map[window.Window]int64{}} },
				dialect:  func(d *dialect) { d.counted, d.moving = true, true },
				s3Faults: rivals, vendorFaults: []string{vendorShift},
			}, "is lost",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			const most = 3000
			test.tempDir = t.TempDir()
			c := &tally{faults: map[string]int{}}
			for seed := range most {
				if err := example(t, seed, test.setting, c); err != nil {
					if !strings.Contains(err.Error(), test.want) {
						t.Fatalf("history %d fails otherwise than wanted (%q): %v", seed, test.want, err)
					}
					t.Logf("found by history %d: %v", seed+1, err)
					return
				}
			}
			t.Errorf("not found in %d histories: %s", most, c)
		})
	}
}

// example plays the history of a seed.
func example(t *testing.T, seed int, s setting, c *tally) error {
	return rapid.Custom(func(rt *rapid.T) result { return result{simulate(t, rt, s, c)} }).Example(seed).err
}

// result keeps an error apart from rapid, which shows values.
type result struct{ err error }
