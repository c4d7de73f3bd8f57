package objectstoretest

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// newVersion returns the ID of the next version of an object in the bucket.
func (s *Store) newVersion(bucket string) string {
	if !s.Versioned[bucket] {
		return "null"
	}
	s.versions++
	return fmt.Sprintf("v%08d", s.versions)
}

// keep has a versioned bucket keep the current object as a noncurrent version.
func (s *Store) keep(bucket, key string) {
	if o, ok := s.objects[bucket][key]; ok && s.Versioned[bucket] {
		s.addPast(bucket, key, past{object: o})
	}
}

func (s *Store) addPast(bucket, key string, p past) {
	if s.replaced[bucket] == nil {
		s.replaced[bucket] = map[string][]past{}
	}
	s.replaced[bucket][key] = append(s.replaced[bucket][key], p)
}

func (s *Store) past(bucket, key, version string) (object, bool) {
	for _, p := range s.replaced[bucket][key] {
		if p.version == version && !p.marker {
			return p.object, true
		}
	}
	return object{}, false
}

// removeVersion removes a version for good. Where it was the current one, the newest of the others becomes so, unless that is a delete
// marker.
func (s *Store) removeVersion(bucket, key, version string) {
	if o, ok := s.objects[bucket][key]; ok && o.version == version {
		s.remove(bucket, key)
	} else if all := s.replaced[bucket][key]; len(all) > 0 {
		s.replaced[bucket][key] = slices.DeleteFunc(all, func(p past) bool { return p.version == version })
	}
	all := s.replaced[bucket][key]
	if _, current := s.objects[bucket][key]; current || len(all) == 0 {
		if len(all) == 0 {
			delete(s.replaced[bucket], key)
		}
		return
	}
	if last := all[len(all)-1]; !last.marker {
		s.replaced[bucket][key] = all[:len(all)-1]
		s.objects[bucket][key] = last.object
		if i, found := slices.BinarySearch(s.names[bucket], key); !found {
			s.names[bucket] = slices.Insert(s.names[bucket], i, key)
		}
	}
}

// EveryBody calls see with the body of every object of the bucket and of every version that it still keeps. It counts as no request.
func (s *Store) EveryBody(bucket string, see func(key string, body []byte)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, key := range s.names[bucket] {
		see(key, bytes.Clone(s.objects[bucket][key].body))
	}
	for _, key := range slices.Sorted(maps.Keys(s.replaced[bucket])) {
		for _, p := range s.replaced[bucket][key] {
			see(key, bytes.Clone(p.body))
		}
	}
}

// ListObjectVersions implements [objectstore.VersionAPI], without delimiters. A page ends between two keys.
//
// [objectstore.VersionAPI]: https://pkg.go.dev/github.com/windrow-data/windrow/functions/objectstore#VersionAPI
func (s *Store) ListObjectVersions(ctx context.Context, in *s3.ListObjectVersionsInput, _ ...func(*s3.Options)) (*s3.ListObjectVersionsOutput, error) {
	out := &s3.ListObjectVersionsOutput{IsTruncated: aws.Bool(false)}
	err := s.do(ctx, Versions, in.Bucket, in.Prefix, func() error {
		bucket, prefix, after := aws.ToString(in.Bucket), aws.ToString(in.Prefix), aws.ToString(in.KeyMarker)
		keys := slices.Clone(s.within(bucket, prefix, after))
		for key := range s.replaced[bucket] {
			if _, current := s.objects[bucket][key]; !current && strings.HasPrefix(key, prefix) && key > after {
				keys = append(keys, key)
			}
		}
		slices.Sort(keys)
		size, listed := cmp.Or(s.PageSize, DefaultPageSize), 0
		for i, key := range keys {
			if listed >= size {
				out.IsTruncated, out.NextKeyMarker = aws.Bool(true), aws.String(keys[i-1])
				break
			}
			listed += s.listVersions(bucket, key, out)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (s *Store) listVersions(bucket, key string, out *s3.ListObjectVersionsOutput) (listed int) {
	add := func(o object, marker, current bool) {
		listed++
		if marker {
			out.DeleteMarkers = append(out.DeleteMarkers, types.DeleteMarkerEntry{
				Key: aws.String(key), VersionId: aws.String(o.version), IsLatest: aws.Bool(current), LastModified: aws.Time(o.modified),
			})
			return
		}
		out.Versions = append(out.Versions, types.ObjectVersion{
			Key: aws.String(key), VersionId: aws.String(o.version), IsLatest: aws.Bool(current), LastModified: aws.Time(o.modified),
			ETag: aws.String(quote(o.etag)), Size: aws.Int64(int64(len(o.body))),
		})
	}
	o, current := s.objects[bucket][key]
	if current {
		add(o, false, true)
	}
	for i, p := range slices.Backward(s.replaced[bucket][key]) {
		add(p.object, p.marker, !current && i == len(s.replaced[bucket][key])-1)
	}
	return listed
}

// Clone returns a store with the same objects and versions, no requests and no hooks.
func (s *Store) Clone() *Store {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := New()
	c.PageSize, c.Now, c.versions = s.PageSize, s.Now, s.versions
	maps.Copy(c.Versioned, s.Versioned)
	for bucket, objects := range s.objects {
		c.objects[bucket] = maps.Clone(objects)
		c.names[bucket] = slices.Clone(s.names[bucket])
	}
	for bucket, replaced := range s.replaced {
		c.replaced[bucket] = map[string][]past{}
		for key, all := range replaced {
			c.replaced[bucket][key] = slices.Clone(all)
		}
	}
	return c
}
