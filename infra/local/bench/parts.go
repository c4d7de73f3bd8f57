package bench

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/go-json-experiment/json"

	"github.com/windrow-data/windrow/functions/preprocess"
	"github.com/windrow-data/windrow/functions/rawzone"
)

// committed returns the parts that the one commit of a stream in the bucket names, as the objects that preprocess makes of them.
// The S3 server keeps objects as plain files.
func (r *rig) committed(bucket, vendor string) ([]objectParts, error) {
	root := filepath.Join(r.lake(), bucket)
	found, err := filepath.Glob(filepath.Join(root, vendor, stream, "commits", "*.json"))
	if err != nil {
		return nil, err
	}
	if len(found) != 1 {
		return nil, fmt.Errorf("%d windows were committed: want one, since one is what is measured", len(found))
	}
	body, err := os.ReadFile(found[0])
	if err != nil {
		return nil, err
	}
	var commit rawzone.Commit
	if err := json.Unmarshal(body, &commit); err != nil {
		return nil, err
	}
	return grouped(&commit, root), nil
}

// grouped puts the parts of a commit together as package preprocess does.
func grouped(commit *rawzone.Commit, root string) (objects []objectParts) {
	size := int64(0)
	for i, part := range commit.Parts {
		if i == 0 || size+part.Bytes > preprocess.ObjectBytes {
			objects = append(objects, objectParts{Start: commit.Start, End: commit.End, Generation: commit.Generation, Late: commit.Late, IngestedAt: commit.WrittenAt})
			size = 0
		}
		size += part.Bytes
		o := &objects[len(objects)-1]
		o.Files = append(o.Files, filepath.Join(root, filepath.FromSlash(part.Key)))
		o.Keys = append(o.Keys, part.Key)
	}
	return objects
}
