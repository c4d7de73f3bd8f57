package gate

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"sync"

	"github.com/windrow-data/windrow/infra/local/iam"
)

// S3 returns a handler that lets requests through to the S3 server at an address. The request reaches it as it was
// signed, the Host header included, so that the server still verifies the signature.
//
// A read of a key that is not there is answered with 403 where the caller may not list, as S3 does. A connection to
// the server that breaks breaks the caller's.
func (g *Gate) S3(server *url.URL) http.Handler {
	return &s3Front{gate: g, proxy: &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host = server.Scheme, server.Host
			r.Out.Host = r.In.Host
		},
		// Idle connections for as many callers as there ever are.
		Transport:      &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 256},
		BufferPool:     &buffers{},
		ModifyResponse: g.answered,
		ErrorLog:       log.New(io.Discard, "", 0), // Whose connection breaks finds out by itself.
		ErrorHandler:   func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}}
}

type s3Front struct {
	gate  *Gate
	proxy *httputil.ReverseProxy
}

// forwarded is what is known of a request that was let through.
type forwarded struct {
	*s3Call
	caller *caller
}

type forwardedKey struct{}

func (f *s3Front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := f.gate.caller(r)
	if c == nil {
		refuseS3(w, http.StatusForbidden, "InvalidAccessKeyId", "The access key is none of a function of this run.")
		return
	}
	call, err := mapS3(r)
	if err != nil {
		f.gate.note(denial{c.Name, "s3:" + r.Method, err.Error()}, r.URL.RequestURI())
		refuseS3(w, http.StatusNotImplemented, "NotImplemented", err.Error())
		return
	}
	if err := f.gate.allowS3(c.identity(), call); err != nil {
		refuseS3(w, http.StatusForbidden, "AccessDenied", err.Error())
		return
	}
	f.proxy.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), forwardedKey{}, forwarded{call, c})))
}

func (g *Gate) allowS3(who identity, call *s3Call) error {
	for _, check := range call.checks {
		if err := g.decide(who, check.action, check.resource, check.context); err != nil {
			return err
		}
	}
	// https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html
	var actions []string
	if call.encrypts {
		actions = append(actions, generateDataKey)
	}
	if call.decrypts {
		actions = append(actions, decrypt)
	}
	return g.useKey(who, g.buckets[call.bucket].Key, "s3", iam.Context{"aws:s3:arn": {objectARN(call.bucket, call.key)}}, actions...)
}

// answered counts a request that S3 has answered, and hides from who may not list that a key is missing.
func (g *Gate) answered(response *http.Response) error {
	of, ok := response.Request.Context().Value(forwardedKey{}).(forwarded)
	if !ok {
		return errors.New("an answer to no request")
	}
	if response.StatusCode == http.StatusForbidden {
		return nil // Its signature is wrong, which is not its function's request.
	}
	g.count(of.caller.Name, func(r *Requests) {
		count := r.S3[of.kind]
		count.Requests++
		if of.conditional && failedConditionally(response.StatusCode, of.kind) {
			count.FailedConditionally++
		}
		r.S3[of.kind] = count
	})
	if response.StatusCode != http.StatusNotFound || of.missing == nil {
		return nil
	}
	if err := g.decide(of.caller.identity(), of.missing.action, of.missing.resource, of.missing.context); err != nil {
		deny(response, err)
	}
	return nil
}

// failedConditionally reports whether a status says that a condition did not hold: 412 and 304, 409 where another write was
// under way, and 404 for a write on the ETag of an object that is gone.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
func failedConditionally(status int, kind Kind) bool {
	switch status {
	case http.StatusPreconditionFailed, http.StatusNotModified, http.StatusConflict:
		return true
	}
	return status == http.StatusNotFound && kind == Put
}

// deny makes an answer the denial of its request.
func deny(response *http.Response, reason error) {
	response.Body.Close()
	body := s3Error("AccessDenied", reason.Error())
	response.StatusCode, response.Status = http.StatusForbidden, "403 Forbidden"
	response.Header.Set("Content-Type", "application/xml")
	response.Header.Set("Content-Length", strconv.Itoa(len(body)))
	response.ContentLength = int64(len(body))
	if response.Request.Method == http.MethodHead {
		body = nil
	}
	response.Body = io.NopCloser(strings.NewReader(string(body)))
}

func refuseS3(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	w.Write(s3Error(code, message)) // To a HEAD, net/http sends no body.
}

// s3Error is an error of S3: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
func s3Error(code, message string) []byte {
	body, err := xml.Marshal(struct {
		XMLName           xml.Name `xml:"Error"`
		Code, Message     string
		RequestId, HostId string
	}{Code: code, Message: message, RequestId: "local", HostId: "local"})
	if err != nil {
		panic(fmt.Errorf("an error of S3: %w", err)) // Text always marshals.
	}
	return append([]byte(xml.Header), body...)
}

// buffers lends the proxy what it copies bodies with.
type buffers struct{ pool sync.Pool }

const bufferBytes = 32 << 10

func (b *buffers) Get() []byte {
	if lent, ok := b.pool.Get().(*[]byte); ok {
		return *lent
	}
	return make([]byte, bufferBytes)
}

func (b *buffers) Put(buffer []byte) { b.pool.Put(&buffer) }
