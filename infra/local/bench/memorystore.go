package bench

import (
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/windrow-data/windrow/functions/objectstore/objectstoretest"
)

// memoryStore is S3 over HTTP on the model of it in memory: a log of ten years is made in a second there, which a server of files
// takes minutes for. It answers the five calls that handlers make, with the bucket in the path, and verifies no signature.
type memoryStore struct {
	*objectstoretest.Store
	writes, reads, deletes atomic.Int64
}

func newMemoryStore() *memoryStore {
	store := objectstoretest.New()
	store.Now = time.Now
	return &memoryStore{Store: store}
}

// requests counts all of them.
func (m *memoryStore) requests() int64 { return m.writes.Load() + m.reads.Load() + m.deletes.Load() }

// ServeHTTP implements http.Handler.
func (m *memoryStore) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	bucket, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	var err error
	switch {
	case r.Method == http.MethodGet && r.URL.Query().Has("list-type"):
		m.writes.Add(1) // A listing has the price of a write.
		err = m.list(w, r, bucket)
	case r.Method == http.MethodGet:
		m.reads.Add(1)
		err = m.get(w, r, bucket, key)
	case r.Method == http.MethodHead:
		m.reads.Add(1)
		err = m.head(w, r, bucket, key)
	case r.Method == http.MethodPut:
		m.writes.Add(1)
		err = m.put(w, r, bucket, key)
	case r.Method == http.MethodDelete:
		m.deletes.Add(1)
		if _, err = m.DeleteObject(r.Context(), &s3.DeleteObjectInput{Bucket: &bucket, Key: &key}); err == nil {
			w.WriteHeader(http.StatusNoContent)
		}
	default:
		err = objectstoretest.Failure(http.StatusNotImplemented, "NotImplemented")
	}
	m.ResetCalls() // They are counted here, and would be kept for ever there.
	if err != nil {
		refuse(w, r, err)
	}
}

// refuse answers with an error of the store.
func refuse(w http.ResponseWriter, r *http.Request, err error) {
	status, code := http.StatusInternalServerError, "InternalError"
	var failure *smithyhttp.ResponseError
	if errors.As(err, &failure) {
		status, code = failure.HTTPStatusCode(), strings.TrimPrefix(failure.Err.Error(), "api error ")
	}
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		io.WriteString(w, xml.Header+"<Error><Code>"+code+"</Code><Message>"+code+"</Message></Error>")
	}
}

// metadataPrefix is that of the headers that hold an object's metadata.
const metadataPrefix = "X-Amz-Meta-"

func describe(w http.ResponseWriter, etag *string, size *int64, modified *time.Time, metadata map[string]string) {
	w.Header().Set("ETag", aws.ToString(etag))
	w.Header().Set("Content-Length", strconv.FormatInt(aws.ToInt64(size), 10))
	w.Header().Set("Last-Modified", aws.ToTime(modified).UTC().Format(http.TimeFormat))
	for name, value := range metadata {
		w.Header().Set(metadataPrefix+name, value)
	}
}

func (m *memoryStore) get(w http.ResponseWriter, r *http.Request, bucket, key string) error {
	out, err := m.GetObject(r.Context(), &s3.GetObjectInput{Bucket: &bucket, Key: &key})
	if err != nil {
		return err
	}
	describe(w, out.ETag, out.ContentLength, out.LastModified, out.Metadata)
	_, err = io.Copy(w, out.Body)
	return err
}

func (m *memoryStore) head(w http.ResponseWriter, r *http.Request, bucket, key string) error {
	out, err := m.HeadObject(r.Context(), &s3.HeadObjectInput{Bucket: &bucket, Key: &key})
	if err != nil {
		return err
	}
	describe(w, out.ETag, out.ContentLength, out.LastModified, out.Metadata)
	return nil
}

func (m *memoryStore) put(w http.ResponseWriter, r *http.Request, bucket, key string) error {
	if strings.Contains(r.Header.Get("Content-Encoding"), "aws-chunked") {
		return objectstoretest.Failure(http.StatusNotImplemented, "NotImplemented")
	}
	in := &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: r.Body, Metadata: map[string]string{}}
	for name := range r.Header {
		if own, found := strings.CutPrefix(name, metadataPrefix); found {
			in.Metadata[own] = r.Header.Get(name)
		}
	}
	if condition := r.Header.Get("If-None-Match"); condition != "" {
		in.IfNoneMatch = &condition
	}
	if condition := r.Header.Get("If-Match"); condition != "" {
		in.IfMatch = &condition
	}
	out, err := m.PutObject(r.Context(), in)
	if err != nil {
		return err
	}
	w.Header().Set("ETag", *out.ETag)
	return nil
}

// listing is the answer of ListObjectsV2.
type listing struct {
	XMLName               xml.Name `xml:"ListBucketResult"`
	KeyCount              int32
	IsTruncated           bool
	NextContinuationToken string `xml:",omitempty"`
	Contents              []listedObject
}

type listedObject struct {
	Key, LastModified, ETag string
	Size                    int64
}

func (m *memoryStore) list(w http.ResponseWriter, r *http.Request, bucket string) error {
	query := r.URL.Query()
	in := &s3.ListObjectsV2Input{Bucket: &bucket, Prefix: aws.String(query.Get("prefix"))}
	if after := query.Get("start-after"); after != "" {
		in.StartAfter = &after
	}
	if token := query.Get("continuation-token"); token != "" {
		in.ContinuationToken = &token
	}
	if most, err := strconv.ParseInt(query.Get("max-keys"), 10, 32); err == nil {
		in.MaxKeys = aws.Int32(int32(most))
	}
	out, err := m.ListObjectsV2(r.Context(), in)
	if err != nil {
		return err
	}
	answer := listing{KeyCount: *out.KeyCount, IsTruncated: *out.IsTruncated, NextContinuationToken: aws.ToString(out.NextContinuationToken)}
	for _, o := range out.Contents {
		answer.Contents = append(answer.Contents, listedObject{
			Key: *o.Key, ETag: *o.ETag, Size: *o.Size, LastModified: o.LastModified.UTC().Format("2006-01-02T15:04:05.000Z"),
		})
	}
	w.Header().Set("Content-Type", "application/xml")
	return xml.NewEncoder(w).Encode(answer)
}
