package report

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"os"
	"regexp"
	"strings"
	"testing"
)

func fixture(t *testing.T) Data {
	t.Helper()
	file, err := os.Open("testdata/data.json")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	d, err := Read(file)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

var stand = Libraries{D3: "var d3", Plot: "var Plot", Font: []byte("font")}

func written(t *testing.T, d Data, l Libraries) string {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, d, l); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestThePageTellsTheFiguresWithoutItsScripts(t *testing.T) {
	page := written(t, fixture(t), stand)
	shown, _, _ := strings.Cut(page, `<script type="application/json"`)
	for _, want := range []string{
		`<html lang="en">`, "<title>Windrow report · ON24 · 10 March 2026</title>",
		"Of 68,381 registrations for 7 webinars, 36,667 came (54 %)",
		`<td class="number">30,998</td>`, // registered
		"The first 10 of 25,495; the lake has them all.",
		"Bonds &lt;b&gt;explained&lt;/b&gt; &amp; re-explained", "&lt;script&gt;alert(&#39;no&#39;)&lt;/script&gt;",
		"48 runs brought 155,238 records in 266 windows", "nothing is missing and nothing is doubled",
		"8 alarms would have read", "as Glue Python Shell jobs it would have been",
	} {
		if !strings.Contains(shown, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(page, "<script>alert") || strings.Contains(page, "<b>explained") {
		t.Error("a text of the vendor's became markup")
	}
	if again := written(t, fixture(t), stand); again != page {
		t.Error("the same data made another page")
	}
}

// TestThePageAllowsItsOwnScriptsAlone works out the hashes as a browser does, from what stands between the tags.
func TestThePageAllowsItsOwnScriptsAlone(t *testing.T) {
	page := written(t, fixture(t), stand)
	policy := regexp.MustCompile(`http-equiv="Content-Security-Policy" content="([^"]*)"`).FindStringSubmatch(page)
	if policy == nil {
		t.Fatal("the page has no policy")
	}
	allowed := strings.NewReplacer("&#39;", "'", "&#43;", "+", "&amp;", "&").Replace(policy[1])
	if !strings.HasPrefix(allowed, "default-src 'none';") || strings.Contains(allowed, "script-src 'unsafe") {
		t.Errorf("policy %s", allowed)
	}
	scripts := regexp.MustCompile(`(?s)<script>(.*?)</script>`).FindAllStringSubmatch(page, -1)
	if len(scripts) != 3 {
		t.Fatalf("%d scripts, want 3", len(scripts))
	}
	for _, script := range scripts {
		hash := sha256.Sum256([]byte(script[1]))
		if !strings.Contains(allowed, "'sha256-"+base64.StdEncoding.EncodeToString(hash[:])+"'") {
			t.Errorf("the policy does not allow the script %.20s", script[1])
		}
	}
}

func TestAScriptThatEndsItselfIsRefused(t *testing.T) {
	for _, script := range []string{"x = '</SCRIPT>'", "<!-- x"} {
		if err := Write(&bytes.Buffer{}, Data{}, Libraries{D3: script}); err == nil {
			t.Errorf("%q was taken", script)
		}
	}
}

// TestAPageWithoutARun is what a deployed lake has.
func TestAPageWithoutARun(t *testing.T) {
	d := fixture(t)
	d.Run, d.Costs, d.LeftOut = nil, nil, []string{"What the runs did is left out."}
	d.Lakes[0].Insights[0] = Insight{Name: funnel, Title: "Attendance funnel", Fault: "SYNTAX_ERROR: line 1:8"}
	d.Lakes[0].Insights[1].Rows, d.Lakes[0].Insights[1].Total = nil, 0
	d.Lakes = append(d.Lakes, Lake{Name: "zoom", Insights: d.Lakes[0].Insights})
	page := written(t, d, stand)
	for _, want := range []string{"The lake did not answer.</strong> SYNTAX_ERROR: line 1:8", "There is nothing to show.", "What the runs did is left out.", "What the webinars tell: Zoom", `id="leads-2"`} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	for _, not := range []string{`id="run"`, `id="costs"`} {
		if strings.Contains(page, not) {
			t.Errorf("the page has %q", not)
		}
	}
}

func TestARunThatIsNotRight(t *testing.T) {
	d := fixture(t)
	d.Run.Good, d.Run.Wrong = false, []string{"attendees: 3 records are missing"}
	page := written(t, d, stand)
	if !strings.Contains(page, "<li>attendees: 3 records are missing</li>") || !strings.Contains(page, "the lake is not right") || strings.Contains(page, "nothing is missing") {
		t.Error("the page does not say what is wrong")
	}
}

func TestLibrariesAreThoseInstalled(t *testing.T) {
	l, err := LoadLibraries("../../../node_modules")
	if err != nil {
		t.Fatal(err)
	}
	page := written(t, fixture(t), l)
	if size := len(page); size > 2_000_000 {
		t.Errorf("the page has %d bytes, want less than 2 MB", size)
	}
	if _, err := LoadLibraries(t.TempDir()); !errors.Is(err, ErrNoLibraries) {
		t.Errorf("without packages: %v", err)
	}
}
