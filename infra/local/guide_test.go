package main

import (
	"bytes"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/windrow-data/windrow/functions/vendorapi"
	"github.com/windrow-data/windrow/functions/vendorapi/vendortest"
)

// shown are the blocks of the guide with a command, after a dollar sign, and what it says.
var shown = regexp.MustCompile("(?ms)^```console\n\\$ ([^\n]*)\n(.*?)^```$")

// TestGuideShowsWhatTheCommandsSay holds the outputs in docs/own-vendor.md to what the commands say. A line of three dots stands for any
// number of lines.
func TestGuideShowsWhatTheCommandsSay(t *testing.T) {
	t.Parallel()
	said := map[string]string{"draft": guideDraft(t), "probe": guideProbe(t)}
	blocks := guideBlocks(t)
	for name, text := range said {
		if !checkShown(t, blocks, "go run ./infra/local "+name, text) {
			t.Errorf("the guide does not show %s", name)
		}
	}
	// The others are run by TestAnotherTeamsModule.
	if want := len(said) + 2; len(blocks) != want {
		t.Errorf("the guide shows %d commands, want %d", len(blocks), want)
	}
}

// guideBlock is a command that the guide shows, with what it says.
type guideBlock struct{ command, says string }

func guideBlocks(t *testing.T) (blocks []guideBlock) {
	t.Helper()
	for _, block := range shown.FindAllSubmatch(read(t, "../../docs/own-vendor.md"), -1) {
		blocks = append(blocks, guideBlock{string(block[1]), string(block[2])})
	}
	return blocks
}

// checkShown compares what the guide shows of the command that begins so with what it has said, and reports whether it is shown. Three dots
// stand for any text: as a line for any number of them, at the end of one for its rest.
func checkShown(t *testing.T, blocks []guideBlock, command, said string) bool {
	t.Helper()
	for _, block := range blocks {
		if !strings.HasPrefix(block.command, command) {
			continue
		}
		rest, open := said, false
		for line := range strings.Lines(block.says) {
			if strings.TrimSpace(line) == "..." {
				open = true
				continue
			}
			begin, cut := strings.CutSuffix(strings.TrimRight(line, "\n"), "...")
			if !cut {
				begin = line
			}
			i := strings.Index(rest, begin)
			if i < 0 || i > 0 && !open {
				t.Errorf("the guide shows of %s %q, which comes next in:\n%s", command, line, rest)
				break
			}
			rest, open = rest[i+len(begin):], cut
		}
		return true
	}
	return false
}

// guideDraft is the guide's draft, which is made of the document that the draft's own tests read.
func guideDraft(t *testing.T) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	if code := draftVendor(t.Context(), []string{"draft/testdata/signups.yaml"}, surroundings{stdout: &stdout, stderr: &stderr, now: time.Now}); code != 0 {
		t.Fatal(stderr.String())
	}
	return stdout.String() + stderr.String()
}

// guideProbe probes a vendor that includes the end bound with the description of the guide's example, which says otherwise.
func guideProbe(t *testing.T) string {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	address := "http://" + server.Listener.Addr().String()
	description := acme(t, address)
	vendor, err := vendorapi.Parse([]byte(description))
	if err != nil {
		t.Fatal(err)
	}
	day := time.Date(2026, 3, 10, 0, 0, 0, 0, time.UTC)
	now := func() time.Time { return day.AddDate(0, 0, 1) }
	vendor.Streams[0].Window.EndInclusive = true
	world, err := vendortest.Generate(vendor, vendortest.Size{Seed: 1, From: day, Until: now(), Attendees: 500})
	if err != nil {
		t.Fatal(err)
	}
	server.Config.Handler = vendortest.NewServer(vendor, world, map[string]string{"token": "a-real-token"}, vendortest.ServerOptions{Now: now()})
	server.Start()
	defer server.Close()
	var stdout, stderr bytes.Buffer
	arguments := []string{"-description", write(t, "vendor.json", description), "-secret", "-"}
	probeVendor(t.Context(), arguments, surroundings{stdin: strings.NewReader(`{"token":"a-real-token"}`), stdout: &stdout, stderr: &stderr, now: now})
	return strings.ReplaceAll(stdout.String()+stderr.String(), address, "https://api.acme.example")
}
