package bench

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/windrow-data/windrow/functions/settings"
	"github.com/windrow-data/windrow/functions/vendorapi/on24"
	"github.com/windrow-data/windrow/functions/window"
)

// The floor of ingest, and its steps alone.
const (
	stepIngest   = "ingest"
	stepRead     = "read"
	stepScan     = "scan"
	stepCompress = "compress"
)

// pages is how a window's pages are asked for.
type pages struct {
	// URL is the address of a page but for its number, which is to be appended.
	URL string `json:"url"`
	// Count is the number of pages.
	Count int `json:"count"`
}

// pagesOf are the requests by which the handler reads a window.
func (v *vendorServer) pagesOf(w window.Window) pages {
	// In the order of the names, as the handler has them, but that the page's number is the last.
	query := url.Values{
		"dateFilterMode": {"lastActivity"},
		"startDate":      {w.Start.UTC().Format(on24Layout)},
		"endDate":        {w.End.Add(-time.Second).UTC().Format(on24Layout)},
		"itemsPerPage":   {strconv.Itoa(pageRecords)},
	}
	records := v.before(w.End) - v.before(w.Start)
	return pages{
		URL:   v.base + "/client/" + clientID + "/attendee?" + query.Encode() + "&pageOffset=",
		Count: (records + pageRecords - 1) / pageRecords,
	}
}

// reader reads pages one after the other over one connection, as a handler does.
type reader struct {
	pages
	client http.Client
	body   []byte
}

func newReader(p pages) *reader {
	return &reader{pages: p, client: http.Client{Transport: &http.Transport{}}}
}

// page reads a page, which lasts until the next one.
func (r *reader) page(number int) ([]byte, error) {
	request, err := http.NewRequest(http.MethodGet, r.URL+strconv.Itoa(number), nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set(on24.AccessTokenKey, "floor")
	answer, err := r.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("page %d: %s", number, answer.Status)
	}
	size := int(answer.ContentLength)
	if cap(r.body) < size {
		r.body = make([]byte, size+size/4)
	}
	r.body = r.body[:size]
	_, err = io.ReadFull(answer.Body, r.body)
	return r.body, err
}

// records finds the records of a page.
func records(spans []span, body []byte) ([]span, error) {
	from := arrayIn(body, stream)
	if from < 0 {
		return nil, errors.New("a page has no records: the window holds fewer than was thought")
	}
	spans, _ = findRecords(spans, body, from)
	return spans, nil
}

// partWriter gzips lines into memory, and forgets them whenever there are as many as make a part.
type partWriter struct {
	buffer bytes.Buffer
	gzip   *gzip.Writer
	out    int64
}

func newPartWriter() *partWriter {
	w := &partWriter{}
	w.buffer.Grow(settings.DefaultPartBytes + settings.DefaultPartBytes/4)
	// The level is valid, so there is no error.
	w.gzip, _ = gzip.NewWriterLevel(&w.buffer, gzip.BestSpeed)
	return w
}

func (w *partWriter) write(lines []byte) error {
	if _, err := w.gzip.Write(lines); err != nil {
		return err
	}
	if w.buffer.Len() < settings.DefaultPartBytes {
		return nil
	}
	return w.end()
}

func (w *partWriter) end() error {
	if err := w.gzip.Close(); err != nil {
		return err
	}
	w.out += int64(w.buffer.Len())
	w.buffer.Reset()
	w.gzip.Reset(&w.buffer)
	return nil
}

// ingestFloor is the least that taking pages can cost: to read them, find the records, and compress them as lines.
func ingestFloor(s step) (result stepResult, err error) {
	r, w := newReader(*s.Pages), newPartWriter()
	var spans []span
	result.CPU, err = cpuOf(func() error {
		for number := range s.Pages.Count {
			body, err := r.page(number)
			if err != nil {
				return err
			}
			if spans, err = records(spans[:0], body); err != nil {
				return err
			}
			result.Bytes += int64(len(body))
			result.Records += int64(len(spans))
			if err := w.write(inLines(body, spans)); err != nil {
				return err
			}
		}
		return w.end()
	})
	result.Out = w.out
	return result, err
}

func readAlone(s step) (result stepResult, err error) {
	r := newReader(*s.Pages)
	result.CPU, err = cpuOf(func() error {
		for number := range s.Pages.Count {
			body, err := r.page(number)
			if err != nil {
				return err
			}
			result.Bytes += int64(len(body))
		}
		return nil
	})
	return result, err
}

// heldPages is how many pages the steps that read none have in memory, to go through again and again.
const heldPages = 200

// held reads the pages that a step works on.
func held(p pages) ([][]byte, error) {
	r := newReader(p)
	bodies := make([][]byte, min(p.Count, heldPages))
	for number := range bodies {
		body, err := r.page(number)
		if err != nil {
			return nil, err
		}
		bodies[number] = bytes.Clone(body)
	}
	return bodies, nil
}

func scanAlone(s step) (result stepResult, err error) {
	bodies, err := held(*s.Pages)
	if err != nil {
		return result, err
	}
	var spans []span
	result.CPU, err = cpuOf(func() error {
		for number := range s.Pages.Count {
			body := bodies[number%len(bodies)]
			if spans, err = records(spans[:0], body); err != nil {
				return err
			}
			result.Bytes += int64(len(body))
			result.Records += int64(len(spans))
		}
		return nil
	})
	return result, err
}

func compressAlone(s step) (result stepResult, err error) {
	bodies, err := held(*s.Pages)
	if err != nil {
		return result, err
	}
	for i, body := range bodies {
		spans, err := records(nil, body)
		if err != nil {
			return result, err
		}
		bodies[i] = inLines(body, spans)
	}
	w := newPartWriter()
	result.CPU, err = cpuOf(func() error {
		for number := range s.Pages.Count {
			lines := bodies[number%len(bodies)]
			result.Bytes += int64(len(lines))
			if err := w.write(lines); err != nil {
				return err
			}
		}
		return w.end()
	})
	result.Out = w.out
	return result, err
}
