package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/windrow-data/windrow/infra/local/draft"
)

const draftCommand = "draft"

const draftHelp = `Drafts a vendor's description, a Go file to begin from, from the vendor's OpenAPI 3 document.

  go run ./infra/local draft [flags] DOCUMENT

DOCUMENT is a file, JSON or YAML, an https address, or - for standard input. Each GET that answers with an array of objects becomes a
stream. What was guessed is marked Check in the file, what the document does not tell Missing; what is missing, and what is
invalid for it, is listed on standard error too.

Exit status: 0 where a description was drafted, whatever it lacks; 1 where none could be; 2 for wrong flags.

`

// documentTimeout bounds the download of a document.
const documentTimeout = time.Minute

// draftVendor runs the subcommand and returns the exit status.
func draftVendor(ctx context.Context, arguments []string, s surroundings) int {
	flags := flag.NewFlagSet(draftCommand, flag.ContinueOnError)
	flags.SetOutput(s.stderr)
	flags.Usage = func() {
		fmt.Fprint(s.stderr, draftHelp)
		flags.PrintDefaults()
	}
	var o draft.Options
	var out string
	var streams, paths values
	flags.StringVar(&o.Server, "server", "", "`address` of the API, in place of the document's first server, for example https://api.example.com/v2")
	flags.StringVar(&o.Package, "package", "", "`name` of the Go package (default: the vendor's)")
	flags.Var(&streams, "stream", "`name` of a stream to draft; may be given several times (default: all)")
	flags.Var(&paths, "path", "`path` in the document to draft a stream of; may be given several times (default: all)")
	flags.StringVar(&out, "out", "", "`file` to write; one that is there already is not replaced (default: standard output)")
	switch err := flags.Parse(arguments); {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return exitUsage
	}
	// Flags may follow the document too.
	document := flags.Arg(0)
	if flags.NArg() > 1 {
		if err := flags.Parse(flags.Args()[1:]); err != nil {
			return exitUsage
		}
	}
	wrong := func(code int, err error) int {
		fmt.Fprintln(s.stderr, "local: draft:", err)
		return code
	}
	if document == "" || flags.NArg() > 0 && flags.Arg(0) != document {
		return wrong(exitUsage, errors.New("want one OpenAPI document: a file, an https address, or -; see -help"))
	}
	content, err := readDocument(ctx, document, s.stdin)
	if err != nil {
		return wrong(exitWrong, err)
	}
	o.Streams, o.Paths = streams, paths
	result, err := draft.Draft(content, o)
	if err != nil {
		return wrong(exitWrong, err)
	}
	if err := writeDraft(out, result.Source, s.stdout); err != nil {
		return wrong(exitWrong, err)
	}
	reportMissing(result, s.stderr)
	return 0
}

// reportMissing lists what a draft lacks.
func reportMissing(result *draft.Result, stderr io.Writer) {
	for _, s := range result.Vendor.Streams {
		fmt.Fprintf(stderr, "stream %s: %d columns\n", s.Name, len(s.Columns))
	}
	for _, missing := range result.Missing {
		fmt.Fprintln(stderr, "missing:", missing)
	}
	if err := result.Vendor.Validate(); err != nil {
		fmt.Fprintf(stderr, "so it is not valid yet:\n%v\n", err)
		return
	}
	fmt.Fprintln(stderr, "it is valid; read what is marked Check, then ask the vendor: go run ./infra/local probe -help")
}

func readDocument(ctx context.Context, document string, stdin io.Reader) ([]byte, error) {
	switch {
	case document == "-":
		return io.ReadAll(io.LimitReader(stdin, mostDescriptionBytes))
	case strings.HasPrefix(document, "https://"):
		return download(ctx, document)
	case strings.HasPrefix(document, "http://"):
		return nil, fmt.Errorf("%s: want an https address", document)
	}
	return os.ReadFile(document)
}

func download(ctx context.Context, address string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, documentTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers %s: want the OpenAPI document itself", address, answer.Status)
	}
	content, err := io.ReadAll(io.LimitReader(answer.Body, mostDescriptionBytes+1))
	if len(content) > mostDescriptionBytes {
		return nil, fmt.Errorf("%s is larger than %d MB", address, mostDescriptionBytes>>20)
	}
	return content, err
}

func writeDraft(path string, source []byte, stdout io.Writer) error {
	if path == "" {
		_, err := stdout.Write(source)
		return err
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return fmt.Errorf("-out: %w", err)
	}
	_, err = file.Write(source)
	return errors.Join(err, file.Close())
}
