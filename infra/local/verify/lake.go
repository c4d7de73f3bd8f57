package verify

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/parquet-go/parquet-go"

	"github.com/windrow-data/windrow/functions/rawzone"
	"github.com/windrow-data/windrow/functions/vendorapi"
)

// Names of the columns and folders of the curated bucket, as DESIGN.md and package curated's documentation state them;
// written down again, so that this package reads the lake as any other reader would.
const (
	columnUndeclared  = "windrow_undeclared"
	columnWindowStart = "windrow_window_start"
	columnIngestedAt  = "windrow_ingested_at"
)

// Folders are where the objects of one stream lie as plain files.
type Folders struct {
	// Raw and Curated are <bucket>/<vendor>/<stream>.
	Raw, Curated string
}

// Commits returns the stream's commits, oldest first.
func (f Folders) Commits() ([]rawzone.Commit, error) {
	paths, err := filepath.Glob(filepath.Join(f.Raw, "commits", "*.json"))
	if err != nil {
		return nil, err
	}
	slices.Sort(paths)
	commits := make([]rawzone.Commit, len(paths))
	for i, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(content, &commits[i]); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	return commits, nil
}

// genesis returns where the stream's log began, the zero time where nothing tells.
func (f Folders) genesis() (time.Time, error) {
	content, err := os.ReadFile(filepath.Join(f.Raw, "genesis.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, err
	}
	var genesis rawzone.Genesis
	err = json.Unmarshal(content, &genesis)
	return genesis.Start, err
}

// Objects returns the Parquet objects that hold the stream's rows and when each was last put: of a day that days.json calls compacted those of the
// compaction that counts, of any other those of its windows.
func (f Folders) Objects() (map[string]time.Time, error) {
	compactions, err := f.compactions()
	if err != nil {
		return nil, err
	}
	objects := map[string]time.Time{}
	err = filepath.WalkDir(f.Curated, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".parquet") {
			return err
		}
		compaction := compactions[strings.TrimPrefix(filepath.Base(filepath.Dir(path)), "dt=")]
		if isCompacted(path) {
			number, _, _ := strings.Cut(entry.Name(), "_")
			if compaction == 0 || number != strconv.FormatInt(compaction, 10) {
				return nil
			}
		} else if compaction > 0 {
			return nil
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		objects[path] = info.ModTime()
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) {
		return objects, nil
	}
	return objects, err
}

// isCompacted reports whether an object holds rows of a whole day.
func isCompacted(path string) bool {
	return filepath.Base(filepath.Dir(filepath.Dir(path))) == "compacted"
}

// compactions returns the compactions that count, by their days.
func (f Folders) compactions() (map[string]int64, error) {
	compactions := map[string]int64{}
	content, err := os.ReadFile(filepath.Join(f.Curated, "days", "days.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return compactions, nil
	}
	if err != nil {
		return nil, err
	}
	for line := range bytes.Lines(content) {
		var day struct {
			DT         string
			Compaction int64
		}
		if err := json.Unmarshal(line, &day); err != nil {
			return nil, fmt.Errorf("days.json: %w", err)
		}
		compactions[day.DT] = day.Compaction
	}
	return compactions, nil
}

// folded counts the records of compacted days that are in quarantine or stand in no row, since a later one of the same key took their place: with the
// rows there are they must come to what is committed. What a compaction took in, its days' commits say.
func (f Folders) folded(commits []rawzone.Commit, rowsOfCompacted int64) (int64, error) {
	compactions, err := f.compactions()
	if err != nil || len(compactions) == 0 {
		return 0, err
	}
	var committed int64
	for _, commit := range commits {
		if compactions[commit.Start.UTC().Format(time.DateOnly)] > 0 {
			committed += commit.Records
		}
	}
	quarantined, err := f.quarantinedOn(func(day string) bool { return compactions[day] > 0 }, func([]byte) {})
	return committed - quarantined - rowsOfCompacted, err
}

// quarantined counts the stream's records in quarantine, and names the personal fields that stand there as they came.
func (f Folders) quarantined(t *table) (count int64, exposed []string, err error) {
	count, err = f.quarantinedOn(func(string) bool { return true }, func(line []byte) { exposed = append(exposed, t.exposed(line)...) })
	slices.Sort(exposed)
	return count, slices.Compact(exposed), err
}

// quarantinedOn counts those of the windows that start on the days for which on is true, and shows them.
func (f Folders) quarantinedOn(on func(day string) bool, see func(line []byte)) (count int64, err error) {
	paths, err := filepath.Glob(filepath.Join(f.Curated, "quarantine", "*.ndjson.gz"))
	if err != nil {
		return 0, err
	}
	for _, path := range paths {
		name, _, _ := strings.Cut(filepath.Base(path), "_")
		start, err := rawzone.ParseTime(name)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", path, err)
		}
		if !on(start.Format(time.DateOnly)) {
			continue
		}
		err = linesOf(path, func(line []byte) error {
			count++
			see(line)
			return nil
		})
		if err != nil {
			return 0, err
		}
	}
	return count, nil
}

// linesOf calls each with the lines of a gzip file, which each may keep.
func linesOf(path string, each func(line []byte) error) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	unzipped, err := gzip.NewReader(file)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	lines := bufio.NewReaderSize(unzipped, 1<<20)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			if err := each(line); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
}

// stored is where and when a row of the lake was put, in Unix microseconds.
type stored struct {
	windowStart int64
	ingestedAt  int64
}

const rowsAtOnce = 512

// readObject calls each with the rows of a Parquet object.
func readObject(t *table, path string, each func(row, stored) error) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	object, err := parquet.OpenFile(file, info.Size())
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	var names []string
	for _, path := range object.Schema().Columns() {
		names = append(names, strings.Join(path, "."))
	}
	declared := make([]int, len(names))
	for i, name := range names {
		declared[i] = slices.IndexFunc(t.columns, func(c column) bool { return c.name == name })
	}
	for _, group := range object.RowGroups() {
		if err := readGroup(t, group, names, declared, each); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return nil
}

// readGroup reads one row group. names are the object's columns, declared their places in the table or -1.
func readGroup(t *table, group parquet.RowGroup, names []string, declared []int, each func(row, stored) error) error {
	rows := group.Rows()
	defer rows.Close()
	buffer := make([]parquet.Row, rowsAtOnce)
	for {
		n, err := rows.ReadRows(buffer)
		for _, values := range buffer[:n] {
			r, s := row{values: make([][]byte, len(t.columns))}, stored{}
			for _, value := range values {
				i := value.Column()
				switch {
				case value.IsNull():
				case declared[i] >= 0:
					r.values[declared[i]] = shown(t.columns[declared[i]].kind, value)
				case names[i] == columnWindowStart:
					s.windowStart = value.Int64()
				case names[i] == columnIngestedAt:
					s.ingestedAt = value.Int64()
				case names[i] == columnUndeclared:
					r.undeclared = sorted(value.ByteArray())
				}
			}
			if err := each(r, s); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// shown is a value of the lake in the form that row keeps; it is valid only as long as value is.
func shown(kind vendorapi.ColumnType, value parquet.Value) []byte {
	switch kind {
	case vendorapi.TypeInt64, vendorapi.TypeTimestamp:
		return strconv.AppendInt(nil, value.Int64(), 10)
	case vendorapi.TypeFloat64:
		return floatText(value.Double())
	case vendorapi.TypeBool:
		return strconv.AppendBool(nil, value.Boolean())
	case vendorapi.TypeDate:
		return []byte(time.Unix(int64(value.Int32())*24*60*60, 0).UTC().Format(time.DateOnly))
	case vendorapi.TypeJSON:
		return compact(value.ByteArray())
	}
	if text := value.ByteArray(); text != nil {
		return text
	}
	return []byte{} // An empty text is not null.
}
