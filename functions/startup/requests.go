package startup

import (
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// requestCounter counts requests to S3 by their price, retries and refusals included, since S3 bills them all. It is used by
// one goroutine at a time, as a handler works.
type requestCounter struct {
	next aws.HTTPClient
	// writes are PUT, POST and LIST, reads are GET and HEAD; a DELETE costs nothing. https://aws.amazon.com/s3/pricing/
	writes, reads int
}

// Do implements [aws.HTTPClient].
func (c *requestCounter) Do(request *http.Request) (*http.Response, error) {
	switch {
	case request.Method == http.MethodPut, request.Method == http.MethodPost, request.URL.Query().Has("list-type"):
		c.writes++
	case request.Method == http.MethodGet, request.Method == http.MethodHead:
		c.reads++
	}
	return c.next.Do(request)
}
