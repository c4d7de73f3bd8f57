package play

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/windrow-data/windrow/functions/settings"
	"github.com/windrow-data/windrow/functions/vendorapi"
)

// withoutFunctions is the context by which CDK is told to bundle the assets of no stack: the descriptions stand in them
// all the same, and no function is built (https://docs.aws.amazon.com/cdk/api/v2/docs/aws-cdk-lib.cx_api-readme.html).
const withoutFunctions = "aws:cdk:bundling-stacks"

// Descriptions synthesizes an app as a deployment does, without building its functions, and returns the descriptions of its
// vendors, by name. more is context beside that of cdk.json.
func Descriptions(ctx context.Context, app string, more map[string]any) ([]*vendorapi.Vendor, error) {
	dir, err := os.MkdirTemp("", "windrow-descriptions-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	more = clone(more)
	more[withoutFunctions] = []any{}
	if err := synthesize(ctx, app, dir, more); err != nil {
		return nil, err
	}
	files, err := filepath.Glob(filepath.Join(dir, "asset.*", settings.VendorFile))
	if err != nil {
		return nil, err
	}
	var found []*vendorapi.Vendor
	var known [][]byte
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		// Both functions of a pipeline ship the same one.
		if slices.ContainsFunc(known, func(other []byte) bool { return bytes.Equal(other, content) }) {
			continue
		}
		known = append(known, content)
		v, err := vendorapi.Parse(content)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", settings.VendorFile, err)
		}
		found = append(found, v)
	}
	if len(found) == 0 {
		return nil, errors.New("the app has no VendorPipeline: no asset of a function in it holds a " + settings.VendorFile)
	}
	slices.SortFunc(found, func(a, b *vendorapi.Vendor) int { return bytes.Compare([]byte(a.Name), []byte(b.Name)) })
	return found, nil
}

func clone(context map[string]any) map[string]any {
	all := map[string]any{}
	for name, value := range context {
		all[name] = value
	}
	return all
}
