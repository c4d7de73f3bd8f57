package vendorsecret_test

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/windrow-data/windrow/functions/objectstore"
)

// bucketOf is S3 as a process sees it, each call a step.
type bucketOf struct {
	*process
	objectstore.API
}

func (b bucketOf) GetObject(ctx context.Context, in *s3.GetObjectInput, _ ...func(*s3.Options)) (out *s3.GetObjectOutput, err error) {
	err = b.do("get lease", func() error { out, err = b.API.GetObject(ctx, in); return err })
	return out, err
}

func (b bucketOf) PutObject(ctx context.Context, in *s3.PutObjectInput, _ ...func(*s3.Options)) (out *s3.PutObjectOutput, err error) {
	err = b.do("put lease", func() error { out, err = b.API.PutObject(ctx, in); return err })
	return out, err
}
