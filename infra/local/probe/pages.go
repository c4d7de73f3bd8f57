package probe

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/windrow-data/windrow/functions/vendorapi"
)

// totalWords are what totals are called.
var totalWords = []string{"total", "count", "hits"}

// askPages reads a second page, nil where there is none.
func (p *prober) askPages(ctx context.Context, first *answer) *answer {
	paging := p.stream.Paging
	counted := paging.Kind == vendorapi.PagingOffset || paging.Kind == vendorapi.PagingNumber
	// A total that is only the page's own count looks like the end of the window.
	suspect := first.last && counted && first.count >= paging.Size && first.total == int64(first.count)
	if first.last && !suspect {
		if paging.Kind == vendorapi.PagingNone && first.total > int64(first.count) {
			p.add(Pages, Differs, "%d records came, though the total is %d", first.count, first.total).asked(first.request).
				write("Paging, by which the vendor gives the others")
			return nil
		}
		if paging.Kind == vendorapi.PagingNone {
			p.add(Pages, OK, "all %d records came at once", first.count)
			return nil
		}
		p.add(Pages, Unknown, "the window has a single page: a longer one shows how the next is asked for (-from, -until)")
		return nil
	}
	second, err := p.page(ctx, p.client, first.window, first.next)
	switch {
	case errors.Is(err, vendorapi.ErrRepeated):
		f := p.add(Pages, Differs, "the second page holds the records of the first again").asked(requestOf(err))
		if paging.Kind == vendorapi.PagingNumber && paging.First == 0 {
			f.write("First: 1, if the vendor counts pages from 1; else Paging.Place as the vendor names it")
		} else {
			f.write("Paging.Place and Paging.Kind as the vendor has them")
		}
		return nil
	case errors.Is(err, errBudget), errors.Is(err, vendorapi.ErrUnavailable):
		p.add(Pages, Unknown, "the second page did not come: %s", reason(err)).asked(requestOf(err))
		return nil
	case err != nil && suspect:
		p.add(Pages, OK, "the vendor has no second page")
		return nil
	case err != nil:
		p.add(Pages, Differs, "the second page cannot be read: %v", reason(err)).asked(requestOf(err)).write("Paging as the vendor has it")
		return nil
	case suspect && second.count > 0:
		p.add(Pages, OK, "a second page with %d further records", second.count)
		return second
	case second.count == 0 && !suspect:
		p.add(Pages, Differs, "the second page is empty, though the vendor announces more").asked(second.request).write("Paging.Size, or Total.Path")
		return nil
	}
	if both := overlap(first.records, second.records); both > 0 {
		p.add(Pages, Differs, "%d of the second page's %d records were on the first already", both, second.count).asked(second.request).
			write("Paging.Kind: %s counts records, %s counts pages", vendorapi.PagingOffset, vendorapi.PagingNumber)
		return second
	}
	p.add(Pages, OK, "a second page with %d further records", second.count)
	return second
}

func overlap(a, b []record) int {
	there := map[uint64]bool{}
	for _, r := range a {
		there[r.hash] = r.keyed
	}
	both := 0
	for _, r := range b {
		if r.keyed && there[r.hash] {
			both++
		}
	}
	return both
}

func requestOf(err error) string {
	var failed *vendorapi.RequestError
	if errors.As(err, &failed) {
		return failed.Request
	}
	return ""
}

func reason(err error) string {
	var failed *vendorapi.RequestError
	if errors.As(err, &failed) && failed.Reason != "" {
		return failed.Reason
	}
	return err.Error()
}

// askPageSize sees whether a page holds as many records as asked for: some vendors give fewer without a word.
func (p *prober) askPageSize(ctx context.Context, first *answer) {
	paging := p.stream.Paging
	switch {
	case paging.Size == 0:
		return
	case first.count > paging.Size:
		p.add(PageSize, Differs, "%d records on a page, described are %d", first.count, paging.Size).asked(first.request).
			write("Paging.SizePlace as the vendor names it, or Size: %d", first.count)
	case !first.last && first.count < paging.Size:
		p.add(PageSize, Differs, "%d records on a page that is not the last, described are %d: the vendor gives no more at once", first.count, paging.Size).asked(first.request).
			write("Size: %d", first.count)
	case first.count == paging.Size:
		p.add(PageSize, OK, "%d records on a page, as asked for", first.count)
	case paging.SizePlace == (vendorapi.Place{}) || first.count < 2:
		p.add(PageSize, Unknown, "the window has only %d records, fewer than a page: give a longer one with -from and -until", first.count)
	default:
		p.askSmallPage(ctx, first)
	}
}

// askSmallPage asks for a page of one record where no page is full.
func (p *prober) askSmallPage(ctx context.Context, first *answer) {
	small := *p.stream
	small.Paging.Size = 1
	client, err := p.connect(&small)
	if err == nil {
		var a *answer
		if a, err = p.page(ctx, client, first.window, vendorapi.Cursor{}); err == nil {
			if a.count > 1 {
				p.add(PageSize, Differs, "asked for 1 record a page, the vendor gave %d", a.count).asked(a.request).write("Paging.SizePlace as the vendor names it")
				return
			}
			p.add(PageSize, Unknown, "the parameter works, but no page was full: a window with more than %d records shows the limit (-from, -until)", p.stream.Paging.Size)
			return
		}
	}
	p.add(PageSize, Unknown, "a page of one record cannot be asked for: %s", reason(err))
}

// askTotal compares the total with the records that came.
func (p *prober) askTotal(_ context.Context, first, second *answer) {
	came := int64(first.count)
	complete := first.last
	if second != nil {
		came += int64(second.count)
		complete = second.last
	}
	if p.stream.Total == (vendorapi.Total{}) {
		p.judgeMissingTotal(came)
		return
	}
	switch {
	case second != nil && first.total != second.total:
		p.add(Total, Differs, "%d on the first page, %d on the second: it counts something else than the window's records, or the window still changes", first.total, second.total).
			asked(first.request).write("Total as the vendor has it, or none")
	case first.total < came, complete && first.total != came:
		p.add(Total, Differs, "it is %d, but %d records came", first.total, came).asked(first.request).write("Total.Path of the number of all the window's records, or no Total")
	default:
		p.add(Total, OK, "%d in the window", first.total)
	}
}

// judgeMissingTotal looks in the last answer for a total that is not described.
func (p *prober) judgeMissingTotal(came int64) {
	_, numbers := outline(p.wire.body.Bytes())
	for _, n := range numbers {
		value, err := strconv.ParseInt(n.text, 10, 64)
		name := strings.ToLower(n.path[strings.LastIndexByte(n.path, '.')+1:])
		for _, word := range totalWords {
			if err == nil && value >= came && strings.Contains(name, word) {
				p.add(Total, OK, "none is described; the answer has one at %s, perhaps", n.path).write("Total: vendorapi.Total{Path: %q}, so that each window can be checked", n.path)
				return
			}
		}
	}
	p.add(Total, OK, "none is described")
}
