package preprocess

import (
	"context"
	"iter"
	"time"

	"github.com/windrow-data/windrow/functions/curated"
	"github.com/windrow-data/windrow/functions/objectstore"
	"github.com/windrow-data/windrow/functions/rawzone"
)

// provisional is what a receipt holds as long as a slow run may still put objects of an older commit beside those
// that it vouches for. It is replaced by an empty one when the window has been looked at again after [longestRun].
const provisional = "provisional\n"

// receipts reads the listing of receipts in step with that of commits: both are in the order of the names.
type receipts struct {
	names curated.Names
	next  func() (objectstore.Object, error, bool)
	stop  func()
	// ahead is the receipt that the listing stands at, and its start.
	ahead objectstore.Object
	start string
	ended bool
}

// receiptsFrom begins the listing at the windows that start at from or later.
func (r *run) receiptsFrom(ctx context.Context, from time.Time) *receipts {
	startAfter := ""
	if !from.IsZero() {
		startAfter = r.names.Receipts() + rawzone.FormatTime(from)
	}
	next, stop := iter.Pull2(r.Curated.List(ctx, r.names.Receipts(), startAfter))
	return &receipts{names: r.names, next: next, stop: stop}
}

// receiptsOf returns the receipts of one window.
func (r *run) receiptsOf(ctx context.Context, ref rawzone.CommitRef) ([]objectstore.Object, error) {
	receipts := r.receiptsFrom(ctx, ref.Start)
	defer receipts.stop()
	return receipts.of(ref.Name)
}

// of returns the window's receipts. Windows are asked for in the order of their names.
func (r *receipts) of(startName string) (found []objectstore.Object, err error) {
	for !r.ended && r.start <= startName {
		if r.start == startName {
			found = append(found, r.ahead)
		}
		object, err, ok := r.next()
		if err != nil {
			return nil, err
		}
		r.ended = !ok
		r.ahead = object
		r.start, _ = r.names.ReceiptStart(object.Key)
	}
	return found, nil
}
