package report

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Libraries are what a page carries beside Windrow's own: they come from the npm registry, in the versions of package-lock.json,
// and are taken into the page as their packages have them, so that nothing needs to be built and the same versions make the same
// page.
type Libraries struct {
	// D3 and Plot draw: https://d3js.org and https://observablehq.com/plot/, both under the ISC licence.
	D3, Plot string
	// Font is Inter in WOFF2, of Latin letters: https://rsms.me/inter/, under the SIL Open Font License, which the file names.
	Font []byte
}

// ErrNoLibraries says that the npm packages are not installed.
var ErrNoLibraries = errors.New("the packages that draw the report are not installed: npm ci")

// LoadLibraries reads the libraries from a folder node_modules. Its error is [ErrNoLibraries] where they are not there.
func LoadLibraries(modules string) (Libraries, error) {
	var l Libraries
	for path, to := range map[string]func([]byte){
		"d3/dist/d3.min.js":                                              func(b []byte) { l.D3 = string(b) },
		"@observablehq/plot/dist/plot.umd.min.js":                        func(b []byte) { l.Plot = string(b) },
		"@fontsource-variable/inter/files/inter-latin-wght-normal.woff2": func(b []byte) { l.Font = b },
	} {
		content, err := os.ReadFile(filepath.Join(modules, filepath.FromSlash(path)))
		if errors.Is(err, fs.ErrNotExist) {
			return Libraries{}, fmt.Errorf("%s is missing in %s: %w", path, modules, ErrNoLibraries)
		}
		if err != nil {
			return Libraries{}, err
		}
		to(content)
	}
	return l, nil
}
